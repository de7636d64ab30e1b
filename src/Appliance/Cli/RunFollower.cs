using System.Text.Json;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Cli;

/// <summary>Follows a run to its end: a redrawn tree on a terminal, a line an event elsewhere, then what came out.</summary>
internal static class RunFollower
{
    /// <summary>A stream that breaks is opened again after this; the daemon may be restarting.</summary>
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromMilliseconds(300);

    /// <summary>Attempts without one event between them before the daemon counts as gone: half a minute of restart.</summary>
    private const int ReconnectsMax = 100;

    /// <param name="call">The verb.</param>
    /// <param name="daemon">Where the run is.</param>
    /// <param name="id">The run.</param>
    /// <param name="cancelOnInterrupt">The first Ctrl-C asks the daemon to cancel and goes on following; else it just leaves.</param>
    public static async Task<int> FollowAsync(VerbCall call, DaemonClient daemon, string id, bool cancelOnInterrupt)
    {
        using var leave = new Interrupts(cancelOnInterrupt ? () => AskToCancelAsync(call, daemon, id) : null);
        IRunDisplay display = call.Json ? new SilentDisplay() : call.Screen.IsTerminal ? new RunTreeDisplay(call.Screen) : new RunLinesDisplay(call.Screen);
        try
        {
            if (!call.Json)
            {
                call.Screen.Line($"run {id}");
            }

            await WatchAsync(daemon, id, display, leave.Token);
        }
        catch (OperationCanceledException)
        {
            call.Screen.Complain($"left; the run goes on. `jesus runs watch {id}` follows it again.");
            return ExitCodes.Interrupted;
        }

        return await RunReport.PrintAsync(call, daemon, id, display);
    }

    private static async Task WatchAsync(DaemonClient daemon, string id, IRunDisplay display, CancellationToken cancel)
    {
        var after = "0";
        for (var failures = 0; ; failures++)
        {
            try
            {
                using var response = await daemon.OpenAsync(HttpMethod.Get, $"/api/v1/runs/{id}/events?after={after}", null, cancel);
                if (!response.IsSuccessStatusCode)
                {
                    throw DaemonClient.Refused(new DaemonReply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancel)));
                }

                await using var stream = await response.Content.ReadAsStreamAsync(cancel);
                await foreach (var item in EventStream.ReadAsync(stream, cancel))
                {
                    (after, failures) = (item.Id, 0);
                    if (await ShowAsync(daemon, id, display, item, cancel))
                    {
                        return;
                    }
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or VerbException { ExitCode: ExitCodes.NoDaemon } && failures < ReconnectsMax)
            {
                display.Note("the daemon does not answer; trying again");
            }

            await Task.Delay(ReconnectDelay, TimeProvider.System, cancel);
        }
    }

    /// <returns>True after the run's last event.</returns>
    private static async Task<bool> ShowAsync(DaemonClient daemon, string id, IRunDisplay display, EventStream.Item item, CancellationToken cancel)
    {
        var view = JsonSerializer.Deserialize(item.Data, RunJson.Default.RunEventView)!;
        display.Event(view);
        if (display.WantsRun)
        {
            var reply = await daemon.GetAsync("/api/v1/runs/" + id, cancel);
            if (reply.Ok)
            {
                display.Run(JsonSerializer.Deserialize(reply.Body, RunJson.Default.RunView)!);
            }
        }

        return view.Type == "run.finished";
    }

    private static async Task AskToCancelAsync(VerbCall call, DaemonClient daemon, string id)
    {
        call.Screen.Complain("asking the daemon to cancel the run; Ctrl-C again leaves without waiting.");
        try
        {
            _ = await daemon.PostAsync($"/api/v1/runs/{id}/cancel", [], CancellationToken.None);
        }
        catch (VerbException e)
        {
            call.Screen.Complain(e.Message);
        }
    }
}
