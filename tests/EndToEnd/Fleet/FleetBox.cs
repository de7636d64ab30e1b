using System.Globalization;
using System.Text.Json;
using Jesus.EndToEnd.Binary;
using Jesus.Tests.Nats;

namespace Jesus.EndToEnd.Fleet;

/// <summary>A published daemon in a federation, behind a link of its own that can be cut.</summary>
internal sealed class FleetBox : IAsyncDisposable
{
    private readonly string _folder;

    private FleetBox(string name, string folder, FaultProxy link, JesusDaemon daemon) => (Name, _folder, Link, Daemon) = (name, folder, link, daemon);

    public string Name { get; }

    /// <summary>Between the box and its NATS server.</summary>
    public FaultProxy Link { get; }

    public JesusDaemon Daemon { get; }

    /// <param name="name">Its id.</param>
    /// <param name="server">The NATS server that it is told of.</param>
    /// <param name="hasModel">Whether it has the demonstration model.</param>
    /// <param name="settings">Sections of the configuration beside <c>federation</c>, as JSON: <c>"routes": {…}</c>.</param>
    /// <param name="federation">Further members of <c>federation</c>.</param>
    /// <param name="direct">It is told of the server itself, not of a link.</param>
    /// <param name="credentials">What it comes in with, where the server asks; it must be of the cluster <c>fleet</c>.</param>
    public static async Task<FleetBox> StartAsync(
        string name, NatsServer server, bool hasModel = true, string settings = "", string federation = "", bool direct = false, FleetConfig? credentials = null)
    {
        JesusBinary.SkipIfAbsent();
        var folder = Directory.CreateTempSubdirectory("jesus-box").FullName;
        var link = FaultProxy.To(server.Port);
        var (more, others) = (federation.Length > 0 ? ", " + federation : "", settings.Length > 0 ? ", " + settings : "");
        var config = Path.Combine(folder, "jesus.json");
        var port = direct ? server.Port : link.Port;
        var nats = credentials?.NatsOf(name, port) ?? $$"""{ "urls": ["{{server.UrlOf(port)}}"] }""";
        await File.WriteAllTextAsync(config, $$"""{ "federation": { "cluster": "fleet", "peer": "{{name}}", "nats": {{nats}}{{more}} }{{others}} }""");
        var models = hasModel ? JesusBinary.NanoFolder : Directory.CreateDirectory(Path.Combine(folder, "models")).FullName;
        return new FleetBox(name, folder, link, await JesusDaemon.StartWithModelsAsync(models, [], "--config", config));
    }

    /// <summary>A streamed chat call of it, read to the end.</summary>
    public Task<FleetAnswer> AskAsync(string model, int seed, int tokens) => new FleetAnswer().AskAsync(Daemon, FleetAnswer.Body(model, seed, tokens));

    /// <summary>Waits until it sends to exactly these peers.</summary>
    public async Task SeesAsync(params string[] peers)
    {
        var seen = "";
        for (var tries = 0; tries < 1_200; tries++)
        {
            seen = await Daemon.Http.GetStringAsync("/api/v1/peers");
            using var page = JsonDocument.Parse(seen);
            var eligible = page.RootElement.GetProperty("peers").EnumerateArray().Where(p => p.GetProperty("eligible").GetBoolean()).Select(p => p.GetProperty("id").GetString());
            if (eligible.Order().SequenceEqual(peers.Order()))
            {
                return;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{Name} never saw {string.Join(", ", peers)}:\n{seen}\n{Daemon.Log}");
    }

    /// <summary>A sample of its metrics; 0 where there is none.</summary>
    public async Task<double> MetricAsync(string name, string label = "")
    {
        var text = await Daemon.Http.GetStringAsync("/metrics");
        return text.Split('\n')
            .Where(l => l.StartsWith(name, StringComparison.Ordinal) && l.Contains(label, StringComparison.Ordinal))
            .Sum(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await Daemon.DisposeAsync();
        await Link.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
