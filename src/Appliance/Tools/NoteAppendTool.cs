using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary>
/// <c>note.append {note, line}</c>: adds a line to a note in the run's own folder. The one built-in tool with a side effect: a line written twice
/// stands there twice. Answers <c>{note, bytes}</c>.
/// </summary>
public sealed class NoteAppendTool : ITool
{
    public ToolDescription Description { get; } = new(
        "note.append",
        "Adds a line to a note of this run.",
        ToolJson.Parse("""
            {"type":"object","properties":{"note":{"type":"string","description":"letters, digits, - and _","minLength":1,"maxLength":64},
            "line":{"type":"string","maxLength":4096}},"required":["note","line"]}
            """),
        ToolJson.Parse("""{"type":"object","properties":{"note":{"type":"string"},"bytes":{"type":"integer"}}}"""),
        ToolPurity.SideEffect);

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        var (note, line) = (ToolJson.Text(arguments, "note")!, ToolJson.Text(arguments, "line")!);
        if (Refusal(note, line, context) is { } refusal)
        {
            return ValueTask.FromResult(ToolResult.Failed("note.append: " + refusal));
        }

        try
        {
            var bytes = context.Notes!.Append(context.RunId, note, line);
            return ValueTask.FromResult(ToolResult.Of(ToolJson.Build((note, bytes), static (writer, s) =>
            {
                writer.WriteStartObject();
                writer.WriteString("note", s.note);
                writer.WriteNumber("bytes", s.bytes);
                writer.WriteEndObject();
            })));
        }
        catch (IOException e)
        {
            return ValueTask.FromResult(ToolResult.Failed($"note.append: the note could not be written: {e.Message}"));
        }
    }

    private static string? Refusal(string note, string line, ToolContext context) =>
        context.Notes is null ? "this box keeps no notes"
        : !note.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? $"'{note}' is no name of a note: letters, digits, - and _ only"
        : line.AsSpan().IndexOfAny('\n', '\r') >= 0 ? "a line has no line break in it"
        : null;
}
