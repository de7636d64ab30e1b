using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary>
/// <c>file.read {path, first_line, lines}</c>: lines of an input of the run. <c>path</c> is the input's name: there is nothing else it could reach.
/// Answers <c>{text, first_line, lines, total_lines, truncated}</c>.
/// </summary>
public sealed class FileReadTool : ITool
{
    /// <summary>Characters of one answer: about 4,000 tokens, half of what a small model's context holds.</summary>
    public const int CharactersMax = 16 * 1024;

    public ToolDescription Description { get; } = new(
        "file.read",
        "Reads lines of a file.",
        ToolJson.Parse("""
            {"type":"object","properties":{"path":{"type":"string"},"first_line":{"type":"integer"},"lines":{"type":"integer"}},"required":["path"]}
            """),
        ToolJson.Parse("""
            {"type":"object","properties":{"text":{"type":"string"},"first_line":{"type":"integer"},"lines":{"type":"integer"},
            "total_lines":{"type":"integer"},"truncated":{"type":"boolean"}}}
            """),
        ToolPurity.ReadOnly);

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        if (ToolJson.ReadInput(context, "file.read", ToolJson.Text(arguments, "path")!, out var refusal) is not { } text)
        {
            return ValueTask.FromResult(refusal);
        }

        var first = ToolJson.Integer(arguments, "first_line", 1);
        var wanted = ToolJson.Integer(arguments, "lines", int.MaxValue);
        if (first < 1 || wanted < 1)
        {
            return ValueTask.FromResult(ToolResult.Failed("file.read: first_line and lines must be at least 1"));
        }

        var total = TextLines.Count(text);
        if (first > Math.Max(1, total))
        {
            return ValueTask.FromResult(ToolResult.Failed($"file.read: the file has {total} lines, so there is none at first_line {first}"));
        }

        var (part, lines, truncated) = Cut(text, first, wanted);
        return ValueTask.FromResult(ToolResult.Of(ToolJson.Build((part, first, lines, total, truncated), static (writer, s) =>
        {
            writer.WriteStartObject();
            writer.WriteString("text", s.part);
            writer.WriteNumber("first_line", s.first);
            writer.WriteNumber("lines", s.lines);
            writer.WriteNumber("total_lines", s.total);
            writer.WriteBoolean("truncated", s.truncated);
            writer.WriteEndObject();
        }), part));
    }

    private static (string Text, int Lines, bool Truncated) Cut(string text, int first, int wanted)
    {
        var part = new StringBuilder();
        var (number, lines) = (0, 0);
        foreach (var line in TextLines.Of(text))
        {
            if (++number < first)
            {
                continue;
            }

            if (lines == wanted)
            {
                return (part.ToString(), lines, false);
            }

            if (part.Length + line.Length + 1 > CharactersMax)
            {
                return (part.ToString(), lines, true);
            }

            _ = part.Append(lines++ == 0 ? "" : "\n").Append(line);
        }

        return (part.ToString(), lines, false);
    }
}
