namespace Jesus.Appliance.Runner.Workflows;

internal enum YamlKind : byte
{
    Scalar,
    List,
    Mapping,
}

/// <summary>A node of a YAML file with its place. Lines and columns count from 1.</summary>
internal sealed class YamlNode
{
    public required YamlKind Kind { get; init; }
    public required int Line { get; init; }
    public required int Column { get; init; }

    /// <summary>A scalar's text.</summary>
    public string Text { get; init; } = "";

    /// <summary>Unquoted: <c>true</c> and <c>5</c> are not strings.</summary>
    public bool IsPlain { get; init; }

    /// <summary>Written as a block (<c>|</c> or <c>></c>): its text begins on the next line.</summary>
    public bool IsBlock { get; init; }
    public List<YamlNode> Items { get; } = [];
    public List<KeyValuePair<YamlNode, YamlNode>> Members { get; } = [];

    public bool IsNull => Kind == YamlKind.Scalar && IsPlain && Text is "" or "~" or "null";

    public string KindName => Kind switch { YamlKind.List => "a list", YamlKind.Mapping => "a mapping", _ => "a single value" };
}
