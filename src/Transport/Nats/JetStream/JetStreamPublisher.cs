using System.Globalization;
using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>Publishes and waits for the acknowledgement; again where that does no harm.</summary>
internal sealed class JetStreamPublisher(NatsConnection connection, JetStreamOptions options, TimeProvider time)
{
    public async ValueTask<JetStreamResult<PublishAck>> PublishAsync(
        NatsSubject subject, ReadOnlyMemory<byte> payload, JetStreamPublish publish, CancellationToken cancel)
    {
        var headers = HeadersOf(publish);
        var started = time.GetTimestamp();
        var lost = false;
        while (true)
        {
            var answer = await PublishOnceAsync(subject, payload, headers, cancel).ConfigureAwait(false);
            if (answer.Error.Fault == JetStreamFault.Conflict && lost)
            {
                return Unknown(answer.Error);
            }

            lost |= answer.Error.Fault is JetStreamFault.TimedOut or JetStreamFault.Disconnected;
            if (answer.IsOk || !MayRepeat(answer.Error, publish) || time.GetElapsedTime(started) >= options.Patience)
            {
                return answer;
            }

            await Task.Delay(options.RetryEvery, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Where nothing was sent, nobody listened or the server said so nothing was stored; after a lost answer only the id keeps a repeat from being stored twice.</summary>
    private static bool MayRepeat(JetStreamError error, JetStreamPublish publish) => error.Fault switch
    {
        JetStreamFault.NoResponders or JetStreamFault.Unavailable => true,
        JetStreamFault.TimedOut or JetStreamFault.Disconnected => publish.MessageId.Length > 0,
        _ => false,
    };

    /// <summary>What a repeat is refused for may be the first try itself, which was stored and whose answer was lost.</summary>
    private static JetStreamError Unknown(JetStreamError refusal) => refusal with
    {
        Fault = JetStreamFault.TimedOut,
        Text = $"an answer was lost, and the repeat was refused: whether the message was stored before is not known ({refusal.Text})",
    };

    private async ValueTask<JetStreamResult<PublishAck>> PublishOnceAsync(
        NatsSubject subject, ReadOnlyMemory<byte> payload, NatsHeaders? headers, CancellationToken cancel)
    {
        using var reply = await connection.RequestAsync(subject, payload, options.AnswerWithin, headers, cancel).ConfigureAwait(false);
        var error = JetStreamErrors.Of(reply, subject);
        return error.IsNone ? ReadAck(reply.Message.Payload.Span, subject) : error;
    }

    /// <summary><c>{"stream":"S","seq":7,"duplicate":true}</c> or <c>{"error":{"code":400,"err_code":10071,"description":"..."}}</c></summary>
    internal static JetStreamResult<PublishAck> ReadAck(ReadOnlySpan<byte> json, NatsSubject subject)
    {
        var reader = new Utf8JsonReader(json);
        ulong sequence = 0;
        var duplicate = false;
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
                {
                    continue;
                }

                if (reader.ValueTextEquals("error"u8))
                {
                    reader.Read();
                    return JetStreamErrors.Of(JsonElement.ParseValue(ref reader), subject);
                }

                if (reader.ValueTextEquals("seq"u8))
                {
                    reader.Read();
                    sequence = reader.GetUInt64();
                }
                else if (reader.ValueTextEquals("duplicate"u8))
                {
                    reader.Read();
                    duplicate = reader.TokenType == JsonTokenType.True;
                }
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return new JetStreamError(JetStreamFault.Malformed, $"the acknowledgement of {subject} is not understood: {e.Message}");
        }

        if (sequence == 0 && duplicate)
        {
            return new JetStreamError(JetStreamFault.TimedOut, $"an earlier message of the same id on {subject} is still under way; whether it will be stored is not known");
        }

        return sequence > 0
            ? new PublishAck(sequence, duplicate)
            : new JetStreamError(JetStreamFault.Malformed, $"somebody other than a stream answered the message on {subject}: it holds no sequence");
    }

    private static NatsHeaders? HeadersOf(JetStreamPublish publish)
    {
        var headers = new NatsHeaders();
        var any = Add(headers, "Nats-Msg-Id", publish.MessageId)
            | Add(headers, "Nats-Expected-Stream", publish.ExpectedStream)
            | Add(headers, "Nats-Expected-Last-Sequence", Text(publish.ExpectedLastSequence))
            | Add(headers, "Nats-Expected-Last-Subject-Sequence", Text(publish.ExpectedLastSubjectSequence))
            | Add(headers, "Nats-Expected-Last-Msg-Id", publish.ExpectedLastMessageId)
            | Add(headers, "Nats-Rollup", publish.Rollup switch
            {
                Rollup.Subject => "sub",
                Rollup.Stream => "all",
                _ => "",
            });
        foreach (var (name, value) in publish.Headers)
        {
            any |= Add(headers, name, value);
        }

        return any ? headers : null;
    }

    private static bool Add(NatsHeaders headers, string name, string value)
    {
        if (value.Length == 0)
        {
            return false;
        }

        headers.Add(name, value);
        return true;
    }

    private static string Text(ulong? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "";
}
