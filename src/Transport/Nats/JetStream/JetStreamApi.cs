using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>Questions to <c>$JS.API</c> and their answers.</summary>
internal sealed class JetStreamApi
{
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
    public async ValueTask<JetStreamResult<JsonElement>> AskAsync(string verb, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        var subject = SubjectOf(verb);
        var started = _time.GetTimestamp();
        while (true)
        {
            var answer = await AskOnceAsync(subject, body, cancel).ConfigureAwait(false);
            var again = answer.Error.Fault is JetStreamFault.NoResponders or JetStreamFault.Unavailable or JetStreamFault.Disconnected;
            if (!again || _time.GetElapsedTime(started) >= _options.Patience || !await PauseAsync(cancel).ConfigureAwait(false))
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

    private async ValueTask<JetStreamResult<JsonElement>> AskOnceAsync(NatsSubject subject, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        using var reply = await _connection.RequestAsync(subject, body, _options.AnswerWithin, null, cancel).ConfigureAwait(false);
        var error = JetStreamErrors.Of(reply, subject);
        return error.IsNone ? Parse(reply.Message.Payload, subject) : error;
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
