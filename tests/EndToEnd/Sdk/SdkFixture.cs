using System.Net;
using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd.Sdk;

/// <summary>
/// What the tests of one client share: a scripted upstream, a published daemon that knows it as a provider beside its own model, and the outcome of one npm
/// script run against that daemon. Where something is missing, each test says so and is skipped.
/// </summary>
public abstract class SdkFixture : IAsyncLifetime
{
    private readonly ScriptedUpstream _upstream = new();
    private readonly Lazy<Task<IReadOnlyDictionary<string, string?>>> _outcomes;
    private readonly string _configFile = Path.GetTempFileName();
    private JesusDaemon? _daemon;

    protected SdkFixture() => _outcomes = new(() => SdkScript.RunAsync(Script, Daemon.Url, Key));

    /// <summary>The npm script, a file of <c>Sdk/Npm</c>.</summary>
    protected abstract string Script { get; }

    /// <summary>The daemon's configuration; <c>UPSTREAM</c> stands for the scripted upstream's address, without a path.</summary>
    protected abstract string Config { get; }

    internal ScriptedUpstream Upstream => _upstream;

    /// <summary>An API key of the daemon: the clients always send one.</summary>
    internal string Key { get; private set; } = "";

    internal JesusDaemon Daemon
    {
        get
        {
            JesusBinary.SkipIfAbsent();
            return _daemon!;
        }
    }

    /// <summary>Says how the upstream answers.</summary>
    internal abstract void Prepare(ScriptedUpstream upstream);

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(JesusBinary.Path))
        {
            return;
        }

        Prepare(_upstream);
        await File.WriteAllTextAsync(_configFile, Config.Replace("UPSTREAM", _upstream.Url, StringComparison.Ordinal));
        _daemon = await JesusDaemon.StartAsync("--config", _configFile);
        var (status, body) = await _daemon.PostAsync("/api/v1/keys", "{\"user\":\"developer\"}");
        Assert.True(status == HttpStatusCode.Created, body);
        Key = JsonDocument.Parse(body).RootElement.GetProperty("secret").GetString()!;
    }

    /// <summary>The named check of the script passed.</summary>
    internal async Task AssertAsync(string check)
    {
        JesusBinary.SkipIfAbsent();
        SdkScript.SkipIfAbsent();
        var outcomes = await _outcomes.Value;
        Assert.True(outcomes[check] is null, $"{outcomes[check]}\n{Daemon.Log}");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }

        await _upstream.DisposeAsync();
        File.Delete(_configFile);
    }
}
