using System.Text.Json;
using System.Text.Json.Serialization;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>
/// Which batches were deleted. The runs stay in the journal, which forgets nothing; for the API they are gone. Folded from the journal at the start. Thread-safe.
/// </summary>
public sealed class BatchDeletions(IJournal journal) : IJournalFold
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _runs = new(StringComparer.Ordinal);

    public ReadOnlySpan<JournalKind> Kinds => [JournalKind.Batch];

    public bool Contains(string runId)
    {
        lock (_gate)
        {
            return _runs.Contains(runId);
        }
    }

    /// <summary>Durable when this completes.</summary>
    public async ValueTask AddAsync(string runId, string by)
    {
        var record = new BatchRecord(BatchRecord.Deleted, runId, by);
        await journal.AppendAsync(JournalKind.Batch, JsonSerializer.SerializeToUtf8Bytes(record, BatchRecordJson.Default.BatchRecord)).ConfigureAwait(false);
        Keep(runId);
    }

    public void Apply(in JournalRecord record)
    {
        if (JsonSerializer.Deserialize(record.Payload.Span, BatchRecordJson.Default.BatchRecord) is { Event: BatchRecord.Deleted } deleted)
        {
            Keep(deleted.Run);
        }
    }

    private void Keep(string runId)
    {
        lock (_gate)
        {
            _ = _runs.Add(runId);
        }
    }
}

/// <summary>One record of <see cref="JournalKind.Batch"/>. Names are on disk: add, never rename.</summary>
internal sealed record BatchRecord(string Event, string Run, string By)
{
    public const string Deleted = "deleted";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BatchRecord))]
internal sealed partial class BatchRecordJson : JsonSerializerContext;
