namespace Jesus.Inference.Engine.Templates.Values;

/// <summary>A mapping from text, in the order of its making; also a namespace, the one value that a template may change.</summary>
internal sealed class MapValue : Value
{
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);
    private readonly List<string> _keys = [];

    /// <param name="keysTrusted">The keys stand in the template, not in the request.</param>
    /// <param name="isNamespace">The template may set its members.</param>
    public MapValue(bool keysTrusted = true, bool isNamespace = false) => (KeysTrusted, IsNamespace) = (keysTrusted, isNamespace);

    public bool KeysTrusted { get; }
    public bool IsNamespace { get; }
    public int Count => _keys.Count;
    public IReadOnlyList<string> Keys => _keys;
    public override bool IsTrue => _keys.Count > 0;
    public override string Kind => IsNamespace ? "namespace" : "mapping";

    public Value? Find(string key) => _values.GetValueOrDefault(key);

    /// <summary>Sets a key, in its old place if it had one.</summary>
    public MapValue Set(string key, Value value)
    {
        if (!_values.ContainsKey(key))
        {
            _keys.Add(key);
        }

        _values[key] = value;
        return this;
    }

    public TextValue KeyText(string key) => TextValue.Of(key, KeysTrusted);
}
