using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Responses;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>One response while it is made in the background: it goes on whether or not anybody listens. Owns its exchange's use until it has ended.</summary>
internal sealed class BackgroundResponse(ResponseExchange exchange, StoredResponse begun, TimeProvider time) : IDisposable
{
    /// <summary>Shown for a response whose making the daemon did not survive.</summary>
    public const string Interrupted = "The daemon stopped, or could not keep the answer, before this response was complete. Send the request again.";

    private readonly CancellationTokenSource _cancel = new();
    private volatile bool _cancelled;

    public string Id => begun.Id;
    public string Owner => begun.Owner;
    public ResponseLog Log { get; } = new();

    /// <summary>What it holds in memory once it has ended.</summary>
    public long Bytes => Log.Bytes + begun.Input.Length + begun.Response.Length;
    public ResponseStatus Status => exchange.Answer.Status;

    /// <summary>Completes when the response is kept, however it ended; never faults.</summary>
    public Task Ended { get; set; } = Task.CompletedTask;
    public DateTimeOffset? EndedAt { get; private set; }

    /// <summary>Writes the first events; call before anybody may listen.</summary>
    public void Announce()
    {
        exchange.Answer.Open(new ResponseState(Id, begun.Created.ToUnixTimeSeconds(), ResponseStatus.Queued), exchange.Wishes, Log);
        exchange.Answer.Announce();
    }

    /// <summary>Its caller wants no more of it.</summary>
    public void Cancel()
    {
        _cancelled = true;
        _cancel.Cancel();
    }

    /// <summary>The daemon stops.</summary>
    public void Interrupt() => _cancel.Cancel();

    /// <returns>Null, or why the response could not be kept.</returns>
    public async Task<string?> RunAsync(ModelCaller caller, ResponseStore store)
    {
        var answer = exchange.Answer;
        var outcome = await caller(exchange.Call, answer, _cancel.Token).ConfigureAwait(false);
        if (outcome.Succeeded)
        {
            answer.Close();
        }

        var state = StateOf(outcome);
        var final = exchange.Write(state);
        var refusal = await store.KeepAsync(begun with { Ended = true, Response = final }).ConfigureAwait(false);
        if (refusal is null)
        {
            answer.Events.Terminal(state.Status, final.Span);
        }

        return refusal;
    }

    /// <summary>Lets the listeners go; only then is the response no longer counted.</summary>
    public void Finish()
    {
        EndedAt = time.GetUtcNow();
        Log.Finish();
    }

    public void Dispose() => _cancel.Dispose();

    private ResponseState StateOf(in Outcome outcome)
    {
        var state = new ResponseState(Id, begun.Created.ToUnixTimeSeconds(), ResponseStatus.Failed) { Usage = outcome.Usage, Reason = outcome.Reason };
        if (outcome.Succeeded)
        {
            return state with { Status = ResponseJson.StatusOf(outcome.Reason), CompletedUnixSeconds = time.GetUtcNow().ToUnixTimeSeconds() };
        }

        if (!exchange.Answer.Broken.IsNone)
        {
            return state with { Failure = ApiFailure.Of(outcome with { Error = exchange.Answer.Broken }) };
        }

        if (outcome.Error.Cause != ErrorCause.Cancelled)
        {
            return state with { Failure = ApiFailure.Of(outcome) };
        }

        return _cancelled ? state with { Status = ResponseStatus.Cancelled } : state with { Failure = new ApiFailure(500, "server_error", "interrupted", Interrupted) };
    }
}
