using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>A record of one value that is written without the record.</summary>
internal sealed class WrapShape<T, TInner>(IShape<TInner> inner, Func<T, TInner> get, Func<TInner, T> make) : IShape<T>
{
    public (string Name, IShape Shape)? Child(string name) => inner.Child(name);

    public T Read(ConfigNode node, T current, string path, List<ConfigError> errors) => make(inner.Read(node, get(current), path, errors));

    public void WriteSchema(Utf8JsonWriter json, T standard) => inner.WriteSchema(json, get(standard));

    public void Dump(ConfigDump dump, string path, T value, ConfigNode? given) => inner.Dump(dump, path, get(value), given);
}
