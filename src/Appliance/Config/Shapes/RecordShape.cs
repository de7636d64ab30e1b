using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>An object with known members, read into a record. Members that are not known are errors.</summary>
internal sealed class RecordShape<T>(params IProperty<T>[] properties) : IShape<T>
{
    /// <summary>The outermost object may name the schema that an editor shall use.</summary>
    public bool IsRoot { get; init; }

    /// <summary>Checks that need more than one member: adds what is wrong.</summary>
    public Action<T, ConfigNode, string, List<ConfigError>>? Check { get; init; }

    public (string Name, IShape Shape)? Child(string name)
    {
        foreach (var property in properties)
        {
            if (property.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return (property.Name, property.Shape);
            }
        }

        return null;
    }

    public T Read(ConfigNode node, T current, string path, List<ConfigError> errors)
    {
        if (node.Kind != ConfigNodeKind.Object)
        {
            errors.Add(new ConfigError(node.Place, path, $"must be an object, not {node.Describe()}"));
            return current;
        }

        foreach (var member in node.Members)
        {
            var memberPath = path.Length == 0 ? member.Name : path + "." + member.Name;
            if (Array.Find(properties, p => p.Name == member.Name) is { } property)
            {
                current = property.Read(member.Value, current, memberPath, errors);
            }
            else if (!IsRoot || member.Name != "$schema")
            {
                errors.Add(Unknown(member, memberPath));
            }
        }

        Check?.Invoke(current, node, path, errors);
        return current;
    }

    public void WriteSchema(Utf8JsonWriter json, T standard)
    {
        json.WriteString("type"u8, "object"u8);
        json.WriteBoolean("additionalProperties"u8, false);
        json.WriteStartObject("properties"u8);
        if (IsRoot)
        {
            json.WriteStartObject("$schema"u8);
            json.WriteString("type"u8, "string"u8);
            json.WriteEndObject();
        }

        foreach (var property in properties)
        {
            json.WriteStartObject(property.Name);
            json.WriteString("description"u8, property.Doc);
            property.WriteSchema(json, standard);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    public void Dump(ConfigDump dump, string path, T value, ConfigNode? given)
    {
        foreach (var property in properties)
        {
            property.Dump(dump, path.Length == 0 ? property.Name : path + "." + property.Name, value, given?.Find(property.Name));
        }
    }

    private ConfigError Unknown(ConfigMember member, string path)
    {
        var near = NearestName.Of(member.Name, properties.Select(p => p.Name));
        var hint = near is null ? "allowed here: " + string.Join(", ", properties.Select(p => p.Name)) : $"did you mean '{near}'?";
        return new ConfigError(member.Place, path, $"is not known; {hint}");
    }
}

/// <summary>A member of a <see cref="RecordShape{T}"/>.</summary>
internal interface IProperty<T>
{
    string Name { get; }

    /// <summary>One sentence with unit, limit and reason; the schema's description.</summary>
    string Doc { get; }
    IShape Shape { get; }

    T Read(ConfigNode node, T target, string path, List<ConfigError> errors);

    void WriteSchema(Utf8JsonWriter json, T standard);

    void Dump(ConfigDump dump, string path, T target, ConfigNode? given);
}

/// <inheritdoc/>
internal sealed class Property<T, TValue>(string name, string doc, IShape<TValue> shape, Func<T, TValue> get, Func<T, TValue, T> set) : IProperty<T>
{
    public string Name => name;
    public string Doc => doc;
    public IShape Shape => shape;

    public T Read(ConfigNode node, T target, string path, List<ConfigError> errors) => set(target, shape.Read(node, get(target), path, errors));

    public void WriteSchema(Utf8JsonWriter json, T standard) => shape.WriteSchema(json, get(standard));

    public void Dump(ConfigDump dump, string path, T target, ConfigNode? given) => shape.Dump(dump, path, get(target), given);
}
