using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>How the requests of a batch stand; all but the first are 0 until the batch has ended, as the API has it.</summary>
internal readonly record struct BatchCounts(int Processing, int Succeeded, int Errored, int Canceled, int Expired);

/// <summary>A batch as it stands, without its requests and results.</summary>
internal sealed record BatchView
{
    public required string Id { get; init; }
    public required string RunId { get; init; }
    public required string User { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? CancelledAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public required BatchCounts Counts { get; init; }

    public bool HasEnded => EndedAt is not null;

    /// <summary>From then on the results are no longer given out.</summary>
    public DateTimeOffset ArchivedAt => CreatedAt + BatchWorkflow.ResultsKept;

    public static BatchView Of(string id, string runId, RunItems items) => new()
    {
        Id = id,
        RunId = runId,
        User = items.User,
        CreatedAt = items.SubmittedAt,
        CancelledAt = items.CancelledAt,
        EndedAt = items.EndedAt,
        Counts = Count(items),
    };

    /// <summary>Anthropic API reference, "Message Batches": the batch object.</summary>
    /// <param name="resultsUrl">Where the results are.</param>
    public void Write(Utf8JsonWriter json, string resultsUrl, DateTimeOffset now)
    {
        var archived = now >= ArchivedAt;
        json.WriteString("id"u8, Id);
        json.WriteString("type"u8, "message_batch"u8);
        json.WriteString("processing_status"u8, HasEnded ? "ended"u8 : CancelledAt is null ? "in_progress"u8 : "canceling"u8);
        json.WriteStartObject("request_counts"u8);
        json.WriteNumber("processing"u8, Counts.Processing);
        json.WriteNumber("succeeded"u8, Counts.Succeeded);
        json.WriteNumber("errored"u8, Counts.Errored);
        json.WriteNumber("canceled"u8, Counts.Canceled);
        json.WriteNumber("expired"u8, Counts.Expired);
        json.WriteEndObject();
        WriteTime(json, "created_at"u8, CreatedAt);
        WriteTime(json, "expires_at"u8, CreatedAt + BatchWorkflow.Lifetime);
        WriteTime(json, "ended_at"u8, EndedAt);
        WriteTime(json, "cancel_initiated_at"u8, CancelledAt);
        WriteTime(json, "archived_at"u8, archived ? ArchivedAt : null);
        json.WriteString("results_url"u8, HasEnded && !archived ? resultsUrl : null);
    }

    private static BatchCounts Count(RunItems items)
    {
        var total = items.Inputs.GetProperty("requests"u8).GetArrayLength();
        if (items.EndedAt is null)
        {
            return new BatchCounts(total, 0, 0, 0, 0);
        }

        var counts = default(BatchCounts);
        for (var i = 0; i < total; i++)
        {
            counts = BatchResults.TypeOf(items, i) switch
            {
                "succeeded" => counts with { Succeeded = counts.Succeeded + 1 },
                "canceled" => counts with { Canceled = counts.Canceled + 1 },
                "expired" => counts with { Expired = counts.Expired + 1 },
                _ => counts with { Errored = counts.Errored + 1 },
            };
        }

        return counts;
    }

    private static void WriteTime(Utf8JsonWriter json, ReadOnlySpan<byte> name, DateTimeOffset? at) =>
        json.WriteString(name, at?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
}
