using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary>The tools of the box, by name. Immutable.</summary>
public sealed class ToolSet
{
    private readonly Dictionary<string, ITool> _byName;

    public ToolSet(IEnumerable<ITool> tools)
    {
        _byName = tools.ToDictionary(tool => tool.Description.Name);
        Names = [.. _byName.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>The tools that every box has.</summary>
    public static ToolSet BuiltIn { get; } = new([new CalcTool(), new ClockTool(), new FileReadTool(), new TextSearchTool(), new TextJoinTool(), new NoteAppendTool()]);

    public IReadOnlyList<string> Names { get; }

    /// <summary>These and one more.</summary>
    public ToolSet With(ITool tool) => new([.. _byName.Values, tool]);

    public ITool? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Checks the arguments, then calls. Wrong arguments are a failed result that names each.</summary>
    public static ValueTask<ToolResult> CallAsync(ITool tool, JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        var problems = SchemaValidator.Validate(tool.Description.Parameters, arguments);
        return problems.Count == 0
            ? tool.CallAsync(arguments, context, cancel)
            : ValueTask.FromResult(ToolResult.Failed($"{tool.Description.Name}: {string.Join("; ", problems)}"));
    }
}
