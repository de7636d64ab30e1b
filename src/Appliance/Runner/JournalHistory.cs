using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Runner;

/// <summary>
/// The runs straight from the journal: every question reads all of it. For tests and small journals; the daemon asks the projection, which answers
/// alike.
/// </summary>
public sealed class JournalHistory(IJournal journal) : IRunHistory
{
    public ValueTask<IReadOnlyList<string>> UnfinishedAsync(CancellationToken cancel)
    {
        var open = new Dictionary<string, long>();
        foreach (var (sequence, item) in All())
        {
            if (item.Type is RunEventType.Submitted or RunEventType.Retried)
            {
                open[item.RunId] = sequence;
            }
            else if (item.Type == RunEventType.Finished)
            {
                _ = open.Remove(item.RunId);
            }
        }

        return ValueTask.FromResult<IReadOnlyList<string>>([.. open.OrderBy(run => run.Value).Select(run => run.Key)]);
    }

    public ValueTask<IReadOnlyList<StoredRunEvent>> ReadAsync(string runId, CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<StoredRunEvent>>([.. All().Where(stored => stored.Event.RunId == runId)]);

    public ValueTask<IReadOnlyList<RunView>> ListAsync(RunFilter filter, string? user, CancellationToken cancel)
    {
        var runs = new Dictionary<string, RunView>();
        foreach (var (sequence, item) in All())
        {
            runs[item.RunId] = RunSummary.Fold(runs.GetValueOrDefault(item.RunId), item, sequence);
        }

        return ValueTask.FromResult<IReadOnlyList<RunView>>([.. runs.Values
            .Where(run => user is null || run.User == user)
            .Where(run => filter.State is null || run.State == filter.State)
            .Where(run => filter.Workflow.Length == 0 || run.Workflow == filter.Workflow)
            .Where(run => filter.Before.Length == 0 || string.CompareOrdinal(run.Id, filter.Before) < 0)
            .OrderByDescending(run => run.Id, StringComparer.Ordinal)
            .Take(filter.Limit)]);
    }

    private IEnumerable<StoredRunEvent> All() => journal.ReadAfter(JournalPosition.Start)
        .Where(record => record.Kind is JournalKind.RunEvent or JournalKind.ToolIntent)
        .Select(record => new StoredRunEvent(record.Position.Value, RunEventCodec.Read(record.Payload.Span)));
}
