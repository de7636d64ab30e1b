using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>
/// Message batches as runs: a batch is the run of <see cref="BatchWorkflow"/>, so that what was acknowledged survives a crash, goes on after it and can be
/// cancelled by the runner's own means. A user sees its own batches, an administrator all. Thread-safe.
/// </summary>
public sealed class MessageBatches(IRunService runs, IRunBlobs blobs, BatchDeletions deletions, TimeProvider time)
{
    private const string Prefix = "msgbatch_";

    /// <summary>Runs read at once while a list is walked; the runner's own limit.</summary>
    private const int RunsAtOnce = 200;

    private readonly BatchBodies _bodies = new(blobs);

    /// <summary>Batches that have ended no longer change: a list need not read them again.</summary>
    private readonly ConcurrentDictionary<string, BatchView> _ended = new(StringComparer.Ordinal);

    internal async ValueTask<(BatchView? Batch, ApiFailure Failure)> CreateAsync(ReadOnlyMemory<byte> body, Principal principal, CancellationToken cancel)
    {
        var failure = BatchReader.Read(body.Span, out var entries);
        if (failure.IsNone && await KeptAsync(principal, cancel) >= BatchLimits.KeptMax)
        {
            failure = new ApiFailure(429, "rate_limit_error", "too_many_batches",
                $"{principal.User} has {BatchLimits.KeptMax} batches that are kept already. Delete old ones (DELETE /v1/messages/batches/ID).");
        }

        if (!failure.IsNone)
        {
            return (null, failure);
        }

        var (hash, offset) = _bodies.Put(principal.User, body.Span);
        var submission = new RunSubmission
        {
            Workflow = BatchWorkflow.Yaml,
            FileName = BatchWorkflow.Name + ".yaml",
            Inputs = InputsOf(hash, offset, entries, time.GetUtcNow() + BatchWorkflow.Lifetime),
        };
        var result = await runs.SubmitAsync(submission, AsOwner(principal), cancel);
        return result.Accepted ? (await FindAsync(result.RunId, principal, cancel), default) : (null, Refusal(result));
    }

    internal ValueTask<BatchView?> GetAsync(string id, Principal principal, CancellationToken cancel) =>
        RunOf(id) is { } run ? FindAsync(run, principal, cancel) : new((BatchView?)null);

    internal async ValueTask<Page<BatchView>> ListAsync(PageQuery page, Principal principal, CancellationToken cancel)
    {
        var found = new List<BatchView>();
        await foreach (var run in WalkAsync(RunOf(page.After) ?? "", principal, cancel))
        {
            if (Prefix + run.Id == page.Before || (page.Before.Length == 0 && found.Count > page.Limit))
            {
                break;
            }

            if (await FindAsync(run.Id, principal, cancel) is { } batch)
            {
                found.Add(batch);
            }
        }

        if (page.Before.Length > 0)
        {
            return new Page<BatchView>([.. found.TakeLast(page.Limit)], found.Count > page.Limit);
        }

        return new Page<BatchView>([.. found.Take(page.Limit)], found.Count > page.Limit);
    }

    internal async ValueTask<(BatchView? Batch, ApiFailure Failure)> CancelAsync(BatchView batch, Principal principal, CancellationToken cancel)
    {
        if (!batch.HasEnded && batch.CancelledAt is null)
        {
            var reply = await runs.CancelAsync(batch.RunId, AsOwner(principal), cancel);
            if (reply.Code == RunReplyCode.WrongState && await FindAsync(batch.RunId, principal, cancel) is { HasEnded: false })
            {
                return (null, new ApiFailure(503, "server_error", "recovering", reply.Message, RetryAfter: TimeSpan.FromSeconds(1)));
            }
        }

        return (await FindAsync(batch.RunId, principal, cancel), default);
    }

    /// <summary>Only one that has ended; durable when this completes.</summary>
    internal ValueTask DeleteAsync(BatchView batch, Principal principal)
    {
        _ = _ended.TryRemove(batch.RunId, out _);
        return deletions.AddAsync(batch.RunId, principal.Id);
    }

    /// <summary>The lines of the results, each whole JSON with its line break.</summary>
    internal async ValueTask<IEnumerable<ReadOnlyMemory<byte>>> ResultsAsync(BatchView batch, Principal principal, CancellationToken cancel) =>
        await runs.ItemsAsync(batch.RunId, BatchWorkflow.MapStep, principal, cancel) is { } items ? BatchResults.Lines(items, blobs) : [];

    private async ValueTask<BatchView?> FindAsync(string run, Principal principal, CancellationToken cancel)
    {
        if (deletions.Contains(run))
        {
            return null;
        }

        if (_ended.TryGetValue(run, out var known) && (principal.May(Roles.Admin) || known.User == principal.User))
        {
            return known;
        }

        var items = await runs.ItemsAsync(run, BatchWorkflow.MapStep, principal, cancel);
        if (items is null || items.WorkflowHash != BatchWorkflow.Hash)
        {
            return null;
        }

        var batch = BatchView.Of(Prefix + run, run, items);
        if (batch.HasEnded)
        {
            Remember(run, batch);
        }

        return batch;
    }

    private void Remember(string run, BatchView batch)
    {
        if (_ended.Count >= BatchLimits.KeptMax)
        {
            _ended.Clear(); // rare, and reading one again takes a few milliseconds
        }

        _ended[run] = batch;
    }

    private async ValueTask<int> KeptAsync(Principal principal, CancellationToken cancel)
    {
        var count = 0;
        var oldest = time.GetUtcNow() - BatchWorkflow.ResultsKept;
        await foreach (var run in WalkAsync("", principal with { Roles = Roles.Models }, cancel))
        {
            if (run.SubmittedAt < oldest || ++count >= BatchLimits.KeptMax)
            {
                break;
            }
        }

        return count;
    }

    /// <summary>Runs under the workflow's name, newest first, without the deleted ones.</summary>
    private async IAsyncEnumerable<RunView> WalkAsync(
        string before, Principal principal, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var page = await runs.ListAsync(new RunFilter(Workflow: BatchWorkflow.Name, Before: before, Limit: RunsAtOnce), principal, cancel);
            foreach (var run in page.Runs)
            {
                if (!deletions.Contains(run.Id))
                {
                    yield return run;
                }
            }

            if (page.Next.Length == 0)
            {
                yield break;
            }

            before = page.Next;
        }
    }

    private static Dictionary<string, RunInput> InputsOf(string hash, int offset, IReadOnlyList<BatchEntry> entries, DateTimeOffset expires)
    {
        var buffer = new ArrayBufferWriter<byte>(64 * entries.Count);
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            json.WriteStartArray();
            foreach (var entry in entries)
            {
                json.WriteStartObject();
                json.WriteString("id"u8, entry.CustomId);
                json.WriteNumber("at"u8, offset + entry.At);
                json.WriteNumber("bytes"u8, entry.Bytes);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return new Dictionary<string, RunInput>
        {
            ["body"] = RunInput.FromText(hash),
            ["expires"] = RunInput.FromText(expires.ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture)),
            ["requests"] = RunInput.FromJson(JsonElement.ParseValue(ref reader)),
        };
    }

    /// <summary>Whoever may call models may have them called in a batch: nothing else is in one.</summary>
    private static Principal AsOwner(Principal principal) => principal with { Roles = principal.Roles | Roles.Runs };

    private static string? RunOf(string id) => id.StartsWith(Prefix, StringComparison.Ordinal) ? id[Prefix.Length..] : null;

    private static ApiFailure Refusal(SubmitResult result) => result.Refusal switch
    {
        SubmitRefusal.Busy or SubmitRefusal.Stopping => new ApiFailure(503, "server_error", "overloaded", result.Message, RetryAfter: TimeSpan.FromSeconds(5)),
        SubmitRefusal.StoreFull => new ApiFailure(507, "server_error", "store_full", result.Message),
        _ => new ApiFailure(500, "server_error", "internal_error", $"The batch was not accepted: {result.Message}"),
    };
}
