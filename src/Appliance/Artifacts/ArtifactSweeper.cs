using Jesus.Appliance.Storage.Journal;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Artifacts;

/// <summary>
/// Deletes from time to time what no record refers to any more: what a crash left between an artifact and its record, and what is past its time. First every
/// holder says what must stay, then the rest goes; when one of them cannot say, nothing does. Thread-safe.
/// </summary>
public sealed class ArtifactSweeper : IDisposable
{
    /// <summary>Between a start and its first sweep. 10 minutes: runs that a crash interrupted have gone on by then, and a box that restarts in a loop sweeps nothing.</summary>
    private static readonly TimeSpan First = TimeSpan.FromMinutes(10);

    /// <summary>Between two sweeps. 6 hours: retention counts days, and a walk over a full store of 200,000 files takes a few seconds of one core.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromHours(6);

    private readonly ArtifactStore _store;
    private readonly IReadOnlyList<IArtifactHolder> _holders;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private int _sweeping;

    public ArtifactSweeper(ArtifactStore store, IReadOnlyList<IArtifactHolder> holders, TimeProvider time, ILogger log)
    {
        (_store, _holders, _log) = (store, holders, log);
        _timer = time.CreateTimer(static sweeper => _ = ((ArtifactSweeper)sweeper!).SweepAsync(), this, First, Interval);
    }

    /// <summary>One sweep; returns at once when another is under way. Failures are logged: the next one tries again.</summary>
    public async Task SweepAsync()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) != 0)
        {
            return;
        }

        try
        {
            var live = new HashSet<string>(StringComparer.Ordinal);
            foreach (var holder in _holders)
            {
                await holder.CollectAsync(live, _stop.Token).ConfigureAwait(false);
            }

            var (files, bytes) = _store.Sweep(live, _stop.Token);
            ArtifactMetrics.Swept(files, bytes);
            if (files > 0)
            {
                _log.LogInformation("deleted {Files} artifacts ({Bytes} bytes) that nothing refers to any more; {Live} stay", files, bytes, live.Count);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The daemon stops: the next start sweeps.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalFailedException or InvalidOperationException)
        {
            _log.LogWarning("artifacts were not swept: {Reason}", e.Message);
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _timer.Dispose();
    }
}
