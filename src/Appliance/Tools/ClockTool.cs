using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary><c>clock {zone}</c>: the time now, in UTC or a named zone. Answers <c>{time, zone, weekday}</c>.</summary>
public sealed class ClockTool : ITool
{
    public ToolDescription Description { get; } = new(
        "clock",
        "Tells the current date and time in a time zone.",
        ToolJson.Parse("""{"type":"object","properties":{"zone":{"type":"string"}}}"""),
        ToolJson.Parse("""{"type":"object","properties":{"time":{"type":"string"},"zone":{"type":"string"},"weekday":{"type":"string"}}}"""),
        ToolPurity.ReadOnly);

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        var name = ToolJson.Text(arguments, "zone") is { Length: > 0 } given ? given : "UTC";
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone))
        {
            return ValueTask.FromResult(ToolResult.Failed($"clock: there is no time zone '{name}' on this box; use an IANA name such as Europe/Berlin, or UTC"));
        }

        var now = TimeZoneInfo.ConvertTime(context.Time.GetUtcNow(), zone);
        var text = now.ToString(now.Offset == TimeSpan.Zero ? "yyyy-MM-ddTHH:mm:ssZ" : "yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);
        return ValueTask.FromResult(ToolResult.Of(ToolJson.Build((now, name, text), static (writer, s) =>
        {
            writer.WriteStartObject();
            writer.WriteString("time", s.text);
            writer.WriteString("zone", s.name);
            writer.WriteString("weekday", s.now.DayOfWeek.ToString());
            writer.WriteEndObject();
        }), text));
    }
}
