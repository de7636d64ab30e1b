using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary>
/// <c>text.join {parts, separator}</c>: one text of several values, with a line break between them unless told otherwise. A list among the parts
/// counts as its members. Answers the text itself, so that an artifact of it is a plain file.
/// </summary>
public sealed class TextJoinTool : ITool
{
    /// <summary>Characters of the text: what an artifact of words needs at most; more belongs into files.</summary>
    private const int CharactersMax = 1024 * 1024;

    public ToolDescription Description { get; } = new(
        "text.join",
        "Joins several texts into one.",
        ToolJson.Parse("""{"type":"object","properties":{"parts":{"type":"array"},"separator":{"type":"string"}},"required":["parts"]}"""),
        ToolJson.Parse("""{"type":"string"}"""),
        ToolPurity.ReadOnly);

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        var separator = ToolJson.Text(arguments, "separator") ?? "\n";
        var text = new StringBuilder();
        var parts = arguments.GetProperty("parts").EnumerateArray().SelectMany(part => part.ValueKind == JsonValueKind.Array ? part.EnumerateArray().ToArray() : [part]);
        foreach (var part in parts.Where(part => part.ValueKind != JsonValueKind.Null))
        {
            var next = part.ValueKind == JsonValueKind.String ? part.GetString()! : part.GetRawText();
            if (text.Length + next.Length + separator.Length > CharactersMax)
            {
                return ValueTask.FromResult(ToolResult.Failed($"text.join: the text is longer than {CharactersMax:N0} characters"));
            }

            _ = text.Append(text.Length == 0 ? "" : separator).Append(next);
        }

        return ValueTask.FromResult(ToolResult.Of(ToolJson.Build(text.ToString(), static (writer, whole) => writer.WriteStringValue(whole))));
    }
}
