using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>The description of a value: from it follow the reading, the errors, the schema and the dump.</summary>
internal interface IShape
{
    /// <summary>The member of that name, its true spelling and its shape; null when there is none.</summary>
    (string Name, IShape Shape)? Child(string name);
}

/// <inheritdoc/>
internal interface IShape<T> : IShape
{
    /// <summary>The value that a node gives; <paramref name="current"/> where it gives none or a wrong one (then an error is added).</summary>
    T Read(ConfigNode node, T current, string path, List<ConfigError> errors);

    /// <summary>Writes the members of this value's JSON schema (the object is open).</summary>
    void WriteSchema(Utf8JsonWriter json, T standard);

    void Dump(ConfigDump dump, string path, T value, ConfigNode? given);
}
