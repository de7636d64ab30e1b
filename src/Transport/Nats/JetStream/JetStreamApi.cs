using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>Questions to <c>$JS.API</c> and their answers.</summary>
internal sealed class JetStreamApi
{
    private static readonly string[] Destructive = ["DELETE", "PURGE"];

    private readonly NatsConnection _connection;
    private readonly JetStreamOptions _options;
    private readonly TimeProvider _time;
    private readonly string _prefix;

    public JetStreamApi(NatsConnection connection, JetStreamOptions options, TimeProvider time)
    {
        _connection = connection;
        _options = options;
        _time = time;
        _prefix = options.Domain.Length == 0 ? "$JS.API." : $"$JS.{options.Domain}.API.";
    }

    /// <summary>The whole subject of a verb such as <c>STREAM.INFO.orders</c>.</summary>
    public NatsSubject SubjectOf(string verb) => NatsSubject.Parse(_prefix + verb);

    /// <summary>Asks, again where nobody listens or the cluster has no leader yet, as long as <see cref="JetStreamOptions.Patience"/> lasts.</summary>
    public ValueTask<JetStreamResult<JsonElement>> AskAsync(string verb, ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        AskAsync(verb, body, _options.Patience, cancel);

    public async ValueTask<JetStreamResult<JsonElement>> AskAsync(string verb, ReadOnlyMemory<byte> body, TimeSpan patience, CancellationToken cancel)
    {
        var subject = SubjectOf(verb);
        var started = _time.GetTimestamp();
        while (true)
        {
            var answer = await AskOnceAsync(subject, body, cancel).ConfigureAwait(false);
            if (!MayRepeat(answer.Error, verb) || _time.GetElapsedTime(started) >= patience || !await PauseAsync(cancel).ConfigureAwait(false))
            {
                return answer;
            }
        }
    }

    /// <returns>False when cancelled.</returns>
    public async ValueTask<bool> PauseAsync(CancellationToken cancel)
    {
        await Task.Delay(_options.RetryEvery, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !cancel.IsCancellationRequested;
    }

    /// <summary>Where nothing was done, always; after a lost answer, where doing it twice comes to the same.</summary>
    private static bool MayRepeat(JetStreamError error, string verb) => error.Fault switch
    {
        JetStreamFault.NoResponders or JetStreamFault.Unavailable => true,
        JetStreamFault.TimedOut or JetStreamFault.Disconnected => !Array.Exists(Destructive, verb.Contains),
        _ => false,
    };

    private async ValueTask<JetStreamResult<JsonElement>> AskOnceAsync(NatsSubject subject, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        if (subject.HasWildcards)
        {
            return await AskWildAsync(subject, body, cancel).ConfigureAwait(false);
        }

        using var reply = await _connection.RequestAsync(subject, body, _options.AnswerWithin, null, cancel).ConfigureAwait(false);
        var error = JetStreamErrors.Of(reply, subject);
        return error.IsNone ? Parse(reply.Message.Payload, subject) : error;
    }

    /// <summary>
    /// A consumer's filter stands in the subject of the request that makes it, wildcards and all, so that permissions can see it. The connection's own requests know no
    /// such subject: an inbox for this one answer.
    /// </summary>
    private async ValueTask<JetStreamResult<JsonElement>> AskWildAsync(NatsSubject subject, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        if (_connection.State != NatsState.Connected)
        {
            return new JetStreamError(JetStreamFault.Unavailable, $"a message to {subject} was not sent: not connected");
        }

        var inbox = _connection.NewInbox();
        await using var answers = _connection.Subscribe(inbox, options: new NatsSubscriptionOptions { MessagesMax = 1 });
        var sent = await _connection.PublishAsync(subject.Memory, body, replyTo: inbox.Memory, cancel: cancel).ConfigureAwait(false);
        if (sent != NatsResult.Ok)
        {
            return new JetStreamError(JetStreamFault.Unavailable, $"a message to {subject} was not sent: {sent}");
        }

        using var within = new CancellationTokenSource(_options.AnswerWithin, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(within.Token, cancel);
        try
        {
            if (!await answers.WaitToReadAsync(either.Token).ConfigureAwait(false) || !answers.TryRead(out var answer))
            {
                return new JetStreamError(JetStreamFault.Disconnected, $"the connection was closed before {subject} was answered");
            }

            using (answer)
            {
                return answer.IsNoResponders ? JetStreamErrors.NoResponders(subject) : Parse(answer.Payload, subject);
            }
        }
        catch (OperationCanceledException)
        {
            return cancel.IsCancellationRequested ? JetStreamErrors.Cancelled : new JetStreamError(JetStreamFault.TimedOut, $"no answer to {subject} in time");
        }
    }

    private static JetStreamResult<JsonElement> Parse(ReadOnlyMemory<byte> payload, NatsSubject subject)
    {
        try
        {
            // Copies: the message's memory goes back with it.
            using var document = JsonDocument.Parse(payload);
            var root = document.RootElement;
            return root.TryGetProperty("error"u8, out var error) ? JetStreamErrors.Of(error, subject) : root.Clone();
        }
        catch (JsonException e)
        {
            return new JetStreamError(JetStreamFault.Malformed, $"the answer to {subject} is no JSON: {e.Message}");
        }
    }
}
