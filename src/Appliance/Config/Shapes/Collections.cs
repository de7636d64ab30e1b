using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>An object whose keys are names that the operator chooses.</summary>
internal sealed class MapShape<T>(IShape<T> item, Func<T> standard) : IShape<IReadOnlyDictionary<string, T>>
{
    /// <summary>Entries of one map; far beyond what a box has of anything.</summary>
    private const int MaxEntries = 10_000;

    public (string Name, IShape Shape)? Child(string name) => (name, item);

    public IReadOnlyDictionary<string, T> Read(ConfigNode node, IReadOnlyDictionary<string, T> current, string path, List<ConfigError> errors)
    {
        if (node.Kind != ConfigNodeKind.Object || node.Members.Count > MaxEntries)
        {
            errors.Add(new ConfigError(node.Place, path, $"must be an object of at most {MaxEntries} named entries, not {node.Describe()}"));
            return current;
        }

        var map = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var member in node.Members)
        {
            map[member.Name] = item.Read(member.Value, standard(), path + "." + member.Name, errors);
        }

        return map;
    }

    public void WriteSchema(Utf8JsonWriter json, IReadOnlyDictionary<string, T> value)
    {
        json.WriteString("type"u8, "object"u8);
        json.WriteStartObject("additionalProperties"u8);
        item.WriteSchema(json, standard());
        json.WriteEndObject();
    }

    public void Dump(ConfigDump dump, string path, IReadOnlyDictionary<string, T> value, ConfigNode? given)
    {
        if (value.Count == 0)
        {
            dump.Add(path, "{}", given);
        }

        foreach (var (name, entry) in value)
        {
            item.Dump(dump, path + "." + name, entry, given?.Find(name));
        }
    }
}

/// <summary>A list.</summary>
internal sealed class ListShape<T>(IShape<T> item, Func<T> standard) : IShape<IReadOnlyList<T>>
{
    private const int MaxItems = 10_000;

    public (string Name, IShape Shape)? Child(string name) => null;

    public IReadOnlyList<T> Read(ConfigNode node, IReadOnlyList<T> current, string path, List<ConfigError> errors)
    {
        if (node.Kind != ConfigNodeKind.Array || node.Items.Count > MaxItems)
        {
            errors.Add(new ConfigError(node.Place, path, $"must be a list of at most {MaxItems} items, not {node.Describe()}"));
            return current;
        }

        var list = new List<T>(node.Items.Count);
        foreach (var each in node.Items)
        {
            list.Add(item.Read(each, standard(), string.Create(CultureInfo.InvariantCulture, $"{path}[{list.Count}]"), errors));
        }

        return list;
    }

    public void WriteSchema(Utf8JsonWriter json, IReadOnlyList<T> value)
    {
        json.WriteString("type"u8, "array"u8);
        json.WriteStartObject("items"u8);
        item.WriteSchema(json, standard());
        json.WriteEndObject();
    }

    public void Dump(ConfigDump dump, string path, IReadOnlyList<T> value, ConfigNode? given)
    {
        if (value.Count == 0)
        {
            dump.Add(path, "[]", given);
        }

        for (var i = 0; i < value.Count; i++)
        {
            item.Dump(dump, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), value[i],
                given is { Kind: ConfigNodeKind.Array } && i < given.Items.Count ? given.Items[i] : given);
        }
    }
}
