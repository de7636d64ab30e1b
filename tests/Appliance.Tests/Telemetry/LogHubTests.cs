using System.Text;
using System.Text.Json;
using Jesus.Appliance.Telemetry;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Tests.Telemetry;

public sealed class LogHubTests
{
    [Fact]
    public void An_entry_is_one_line_of_json_with_its_values()
    {
        var line = Assert.Single(Lines(log => log.LogWarning(new InvalidOperationException("broke"), "run {Run} took {Seconds} s\nand more", "r\"1", 1.5)));
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        Assert.Equal("warning", root.GetProperty("level").GetString());
        Assert.Equal("Test", root.GetProperty("category").GetString());
        Assert.Equal("run r\"1 took 1.5 s\nand more", root.GetProperty("message").GetString());
        Assert.Equal("r\"1", root.GetProperty("Run").GetString());
        Assert.Equal(1.5, root.GetProperty("Seconds").GetDouble());
        Assert.Contains("broke", root.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_below_the_level_are_not_written()
    {
        Assert.Empty(Lines(log => log.LogDebug("quiet")));
    }

    [Fact]
    public void A_text_line_cannot_steer_the_terminal()
    {
        var line = Assert.Single(Lines(log => log.LogInformation("name {Name}", "\u001b[2Jgone"), LogFormat.Text));
        Assert.DoesNotContain('\u001b', line);
        Assert.Contains("?[2Jgone", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_of_many_threads_stay_whole()
    {
        var lines = Lines(log => Parallel.For(0, 1000, i => log.LogInformation("entry {Number}", i)));
        Assert.Equal(1000, lines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("Number").GetInt32()).Distinct().Count());
    }

    private static string[] Lines(Action<ILogger> write, LogFormat format = LogFormat.Json)
    {
        using var stream = new MemoryStream();
        using (var hub = new LogHub(new LogOptions { Format = format }, stream, isTerminal: false, TimeProvider.System))
        {
            write(hub.CreateLogger("Test"));
        }

        return Encoding.UTF8.GetString(stream.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
