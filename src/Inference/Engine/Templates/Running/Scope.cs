using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Names and their values; a loop's body and a macro have their own, and what is set there ends there.</summary>
internal sealed class Scope
{
    private readonly Scope? _outer;
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);

    public Scope(Scope? outer = null) => _outer = outer;

    public Value? Find(string name) => _values.TryGetValue(name, out var value) ? value : _outer?.Find(name);

    public void Set(string name, Value value) => _values[name] = value;
}
