namespace Jesus.Appliance.Config;

public enum ConfigNodeKind : byte
{
    Object,
    Array,
    Text,
    Number,
    Boolean,
    Null,
}

/// <summary>Where a value was given: a file with line and column, an environment variable, or a flag.</summary>
/// <param name="Name">Path of the file, name of the variable, or the flag.</param>
/// <param name="Line">From 1; 0 outside files.</param>
/// <param name="Column">From 1, in bytes; 0 outside files.</param>
public readonly record struct ConfigPlace(string Name, int Line = 0, int Column = 0)
{
    public override string ToString() => Line == 0 ? Name : $"{Name}:{Line}:{Column}";
}

/// <summary>A value as it was written, before anything is known about its meaning.</summary>
public sealed class ConfigNode(ConfigNodeKind kind, ConfigPlace place)
{
    public ConfigNodeKind Kind { get; } = kind;
    public ConfigPlace Place { get; } = place;

    /// <summary>The text of a string, number or boolean.</summary>
    public string Text { get; init; } = "";

    /// <summary>From a variable or a flag: everything is text there, so a number needs no other form.</summary>
    public bool Loose { get; init; }

    /// <summary>Members of an object in order.</summary>
    public List<ConfigMember> Members { get; } = [];

    /// <summary>Items of an array.</summary>
    public List<ConfigNode> Items { get; } = [];

    public ConfigNode? Find(string name)
    {
        foreach (var member in Members)
        {
            if (member.Name == name)
            {
                return member.Value;
            }
        }

        return null;
    }

    /// <summary>Adds a member or replaces the one of that name.</summary>
    public void Set(string name, ConfigNode value)
    {
        _ = Members.RemoveAll(m => m.Name == name);
        Members.Add(new ConfigMember(name, value.Place, value));
    }

    public string Describe() => Kind switch
    {
        ConfigNodeKind.Object => "an object",
        ConfigNodeKind.Array => "a list",
        ConfigNodeKind.Null => "null",
        ConfigNodeKind.Text => $"\"{Text}\"",
        _ => Text,
    };
}

/// <param name="Name">The key.</param>
/// <param name="Place">Where the key stands.</param>
/// <param name="Value">Its value.</param>
public sealed record ConfigMember(string Name, ConfigPlace Place, ConfigNode Value);
