using Jesus.Appliance.Config;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Telemetry;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>One life of the daemon: open the rooms, listen, serve until asked to stop, drain, close.</summary>
public sealed class Daemon(ServeSettings settings, ApplianceConfig config, string version)
{
    /// <summary>How long requests under way may take after SIGTERM; below the unit's TimeoutStopSec of 30 s with room for the rest of the stop.</summary>
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(15);

    /// <returns>False when it could not start or the journal failed; the log says why.</returns>
    public async Task<bool> RunAsync()
    {
        using var log = new LogHub(config.Telemetry, Console.OpenStandardError(), !Console.IsErrorRedirected, TimeProvider.System);
        var host = log.CreateLogger("Host");
        try
        {
            await using var rooms = Rooms.Open(settings, config, log, version);
            return await ServeAsync(rooms, host);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalCorruptException or JournalFailedException)
        {
            host.LogCritical("cannot serve from {State}: {Reason}", settings.StateFolder, e.Message);
            return false;
        }
    }

    private async Task<bool> ServeAsync(Rooms rooms, ILogger log)
    {
        var reloader = new Reloader(rooms, settings.Load, config, rooms.Log.CreateLogger("Reload"));
        using var signals = new Signals(() => reloader.Reload());
        using var systemd = SystemdNotifier.OfEnvironment(rooms.Time);
        var socket = SocketPath(rooms, log);
        using var front = new HttpFront(config.Listen, socket, rooms.Log);
        rooms.Start();
        await front.StartAsync(rooms.Gateway, signals.StopNow);
        rooms.Join();
        rooms.State.WriteUrl(front.Url);
        systemd.Ready($"serving on {front.Url}");
        var resuming = ResumeAsync(rooms, log, signals.StopNow);
        systemd.StartWatchdog(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), () => !rooms.Journal.Failed.IsCompleted);
        log.LogInformation("ready: listening on {Url} and {Socket}, state in {State}", front.Url, socket ?? "no socket", settings.StateFolder);

        var ended = await Task.WhenAny(signals.StopAsked, rooms.Journal.Failed);
        if (ended != signals.StopAsked)
        {
            log.LogCritical("the journal failed, nothing more can be acknowledged: {Reason}", (await rooms.Journal.Failed).Message);
        }

        await StopAsync(rooms, front, systemd, signals, log);
        await resuming;
        return ended == signals.StopAsked;
    }

    private static async Task ResumeAsync(Rooms rooms, ILogger log, CancellationToken cancel)
    {
        try
        {
            await Task.Run(() => rooms.ResumeAsync(cancel), cancel);
        }
        catch (OperationCanceledException)
        {
            // Asked to stop at once: the runs are taken up by the next start.
        }
        catch (Exception e)
        {
            log.LogError(e, "interrupted runs were not taken up");
            rooms.Readiness.Set("runner", false, "interrupted runs were not taken up; the log says why: " + e.Message);
        }
    }

    private static async Task StopAsync(Rooms rooms, HttpFront front, SystemdNotifier systemd, Signals signals, ILogger log)
    {
        log.LogInformation("stopping: requests under way have {Seconds} s", DrainMax.TotalSeconds);
        systemd.Stopping();
        rooms.Readiness.Draining = true;
        rooms.Drain();
        rooms.State.RemoveUrl();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(signals.StopNow);
        deadline.CancelAfter(DrainMax);
        await rooms.StopAsync(deadline.Token, front.StopAsync(deadline.Token));
        log.LogInformation("stopped");
    }

    private string? SocketPath(Rooms rooms, ILogger log)
    {
        var path = rooms.State.SocketPath(config.Listen.Socket);
        if (StateFolder.FitsSocket(path))
        {
            return path;
        }

        log.LogWarning("no unix socket: the path {Path} is longer than one may be; name a shorter one with listen.socket", path);
        return null;
    }
}
