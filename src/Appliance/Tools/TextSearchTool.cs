using System.Text.Json;
using System.Text.RegularExpressions;

namespace Jesus.Appliance.Tools;

/// <summary>
/// <c>text.search {path, pattern, limit}</c>: the lines of an input in which a pattern occurs, case ignored. Answers
/// <c>{count, lines, numbers, truncated}</c>: <c>count</c> counts all, <c>lines</c> and their <c>numbers</c> stop at the limit.
/// </summary>
public sealed class TextSearchTool : ITool
{
    /// <summary>A list that a map can still walk in memory; a model reads far fewer.</summary>
    public const int LimitMax = 1_000;
    public const int LimitDefault = 50;

    /// <summary>The automaton is built from the pattern: this bounds its size.</summary>
    public const int PatternMax = 512;

    /// <summary>Characters of one returned line; the rest is cut.</summary>
    public const int LineMax = 2_000;

    /// <summary>Linear matching of 16 MB takes well under this even on a busy box.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public ToolDescription Description { get; } = new(
        "text.search",
        "Finds the lines of a file that contain a pattern.",
        ToolJson.Parse("""
            {"type":"object","properties":{"path":{"type":"string"},"pattern":{"type":"string"},"limit":{"type":"integer"}},"required":["path","pattern"]}
            """),
        ToolJson.Parse("""
            {"type":"object","properties":{"count":{"type":"integer"},"lines":{"type":"array","items":{"type":"string"}},
            "numbers":{"type":"array","items":{"type":"integer"}},"truncated":{"type":"boolean"}}}
            """),
        ToolPurity.ReadOnly);

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        if (ToolJson.ReadInput(context, "text.search", ToolJson.Text(arguments, "path")!, out var refusal) is not { } text)
        {
            return ValueTask.FromResult(refusal);
        }

        if (Compile(ToolJson.Text(arguments, "pattern")!, out var error) is not { } pattern)
        {
            return ValueTask.FromResult(ToolResult.Failed(error));
        }

        try
        {
            var limit = ToolJson.Integer(arguments, "limit", LimitDefault);
            return ValueTask.FromResult(limit is >= 1 and <= LimitMax ? Search(text, pattern, limit, cancel) : ToolResult.Failed($"text.search: limit is from 1 to {LimitMax}"));
        }
        catch (RegexMatchTimeoutException)
        {
            return ValueTask.FromResult(ToolResult.Failed("text.search: the search took too long; use a plainer pattern"));
        }
    }

    /// <summary>Without backtracking, so that no pattern can take more than linear time.</summary>
    private static Regex? Compile(string pattern, out string error)
    {
        if (pattern.Length is 0 or > PatternMax)
        {
            error = $"text.search: the pattern has {pattern.Length} characters; 1 to {PatternMax} are allowed";
            return null;
        }

        try
        {
            error = "";
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Timeout);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            error = $"text.search: the pattern cannot be used: {e.Message}; back references and look-around do not exist here, and \\ before a sign takes it literally";
            return null;
        }
    }

    private static ToolResult Search(string text, Regex pattern, int limit, CancellationToken cancel)
    {
        var (count, number) = (0, 0);
        var found = new List<(int Number, string Line)>();
        foreach (var line in TextLines.Of(text))
        {
            number++;
            cancel.ThrowIfCancellationRequested();
            if (pattern.IsMatch(line) && ++count <= limit)
            {
                found.Add((number, line.Length <= LineMax ? line : line[..LineMax]));
            }
        }

        var shown = found.Count == 0 ? "no match" : string.Join('\n', found.Select(line => $"{line.Number}: {line.Line}"));
        return ToolResult.Of(ToolJson.Build((count, found), static (writer, s) => Write(writer, s.count, s.found)), shown);
    }

    private static void Write(Utf8JsonWriter writer, int count, List<(int Number, string Line)> found)
    {
        writer.WriteStartObject();
        writer.WriteNumber("count", count);
        writer.WriteStartArray("lines");
        foreach (var (_, line) in found)
        {
            writer.WriteStringValue(line);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("numbers");
        foreach (var (number, _) in found)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
        writer.WriteBoolean("truncated", count > found.Count);
        writer.WriteEndObject();
    }
}
