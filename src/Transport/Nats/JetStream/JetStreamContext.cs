using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>
/// JetStream over a connection: streams, consumers, acknowledged publishing, single messages. Thread-safe; keeps nothing but the connection, so as many as one
/// likes may be made of it.
/// </summary>
public sealed class JetStreamContext
{
    private readonly JetStreamApi _api;
    private readonly JetStreamPublisher _publisher;

    public JetStreamContext(NatsConnection connection, TimeProvider time, JetStreamOptions? options = null)
    {
        Connection = connection;
        Time = time;
        Options = options ?? new JetStreamOptions();
        _api = new JetStreamApi(connection, Options, time);
        _publisher = new JetStreamPublisher(connection, Options, time);
    }

    public NatsConnection Connection { get; }
    public JetStreamOptions Options { get; }
    internal TimeProvider Time { get; }
    internal JetStreamApi Api => _api;

    /// <summary>
    /// Creates a stream; one that exists with the same configuration is as good. Where the server leaves out what was asked for, the error names the field and
    /// a stream that this very call made is gone again.
    /// </summary>
    public async ValueTask<JetStreamResult<StreamInfo>> CreateStreamAsync(StreamConfig config, CancellationToken cancel = default)
    {
        if (config.Check() is { IsNone: false } wrong)
        {
            return wrong;
        }

        var body = JetStreamJson.Encode(config, static (json, c) => c.Write(json));
        var answer = await _api.AskAsync($"STREAM.CREATE.{config.Name}", body, cancel).ConfigureAwait(false);
        var checkedInfo = CheckStream(answer, config.Name, body);
        if (checkedInfo.Error.Fault == JetStreamFault.Ignored && JetStreamJson.FlagOf(answer.Value, "did_create"))
        {
            _ = await DeleteStreamAsync(config.Name, cancel).ConfigureAwait(false);
        }

        return checkedInfo;
    }

    /// <summary>Changes a stream. Where the server leaves out what was asked for, the rest of the change holds and the error names the field.</summary>
    public async ValueTask<JetStreamResult<StreamInfo>> UpdateStreamAsync(StreamConfig config, CancellationToken cancel = default)
    {
        if (config.Check() is { IsNone: false } wrong)
        {
            return wrong;
        }

        var body = JetStreamJson.Encode(config, static (json, c) => c.Write(json));
        return CheckStream(await _api.AskAsync($"STREAM.UPDATE.{config.Name}", body, cancel).ConfigureAwait(false), config.Name, body);
    }

    public async ValueTask<JetStreamResult<StreamInfo>> StreamInfoAsync(string stream, CancellationToken cancel = default)
    {
        var answer = await AskNamedAsync("STREAM.INFO", stream, default, cancel).ConfigureAwait(false);
        return answer.IsOk ? StreamInfo.Read(answer.Value) : answer.Error;
    }

    public async ValueTask<JetStreamError> DeleteStreamAsync(string stream, CancellationToken cancel = default) =>
        (await AskNamedAsync("STREAM.DELETE", stream, default, cancel).ConfigureAwait(false)).Error;

    /// <summary>Removes messages.</summary>
    /// <param name="subject">Only those of it; empty for all.</param>
    /// <param name="keep">The newest so many stay.</param>
    /// <returns>How many went.</returns>
    public async ValueTask<JetStreamResult<ulong>> PurgeStreamAsync(string stream, string subject = "", int keep = 0, CancellationToken cancel = default)
    {
        var body = JetStreamJson.Encode((subject, keep), static (json, what) =>
        {
            JetStreamJson.WriteText(json, "filter", what.subject);
            JetStreamJson.WriteNumber(json, "keep", what.keep);
        });
        var answer = await AskNamedAsync("STREAM.PURGE", stream, body, cancel).ConfigureAwait(false);
        return answer.IsOk ? JetStreamJson.UlongOf(answer.Value, "purged") : answer.Error;
    }

    /// <summary>Names of the streams that take a subject, at most 1,000; of all streams when it is empty.</summary>
    public async ValueTask<JetStreamResult<IReadOnlyList<string>>> StreamNamesAsync(string subject = "", CancellationToken cancel = default)
    {
        var body = JetStreamJson.Encode(subject, static (json, filter) => JetStreamJson.WriteText(json, "subject", filter));
        var answer = await _api.AskAsync("STREAM.NAMES", body, cancel).ConfigureAwait(false);
        return answer.IsOk ? new JetStreamResult<IReadOnlyList<string>>(JetStreamJson.TextsOf(answer.Value, "streams")) : answer.Error;
    }

    /// <summary>A stored message by its sequence, from the stream's leader.</summary>
    public ValueTask<JetStreamResult<StoredMessage>> GetMessageAsync(string stream, ulong sequence, CancellationToken cancel = default) =>
        GetAsync(stream, JetStreamJson.Encode(sequence, static (json, s) => json.WriteNumber("seq", s)), cancel);

    /// <summary>The last message of a subject, from the stream's leader.</summary>
    public ValueTask<JetStreamResult<StoredMessage>> GetLastMessageAsync(string stream, string subject, CancellationToken cancel = default) =>
        GetAsync(stream, JetStreamJson.Encode(subject, static (json, s) => json.WriteString("last_by_subj", s)), cancel);

    /// <summary>The first message of a subject that is kept from a sequence on, from the stream's leader.</summary>
    public ValueTask<JetStreamResult<StoredMessage>> GetNextMessageAsync(string stream, string subject, ulong sequence, CancellationToken cancel = default) =>
        GetAsync(stream, JetStreamJson.Encode((subject, sequence), static (json, from) =>
        {
            json.WriteNumber("seq", from.sequence);
            json.WriteString("next_by_subj", from.subject);
        }), cancel);

    /// <summary>Removes one message; its bytes are overwritten unless <paramref name="erase"/> is false.</summary>
    public async ValueTask<JetStreamError> DeleteMessageAsync(string stream, ulong sequence, bool erase = true, CancellationToken cancel = default)
    {
        var body = JetStreamJson.Encode((sequence, erase), static (json, what) =>
        {
            json.WriteNumber("seq", what.sequence);
            JetStreamJson.WriteFlag(json, "no_erase", !what.erase);
        });
        return (await AskNamedAsync("STREAM.MSG.DELETE", stream, body, cancel).ConfigureAwait(false)).Error;
    }

    /// <summary>Creates a consumer, or changes one of that name. Where the server leaves out what was asked for the error names the field, and the consumer is
    /// there without it.</summary>
    public ValueTask<JetStreamResult<ConsumerInfo>> CreateConsumerAsync(string stream, ConsumerConfig config, CancellationToken cancel = default) =>
        CreateConsumerAsync(stream, config, Options.Patience, cancel);

    internal async ValueTask<JetStreamResult<ConsumerInfo>> CreateConsumerAsync(string stream, ConsumerConfig config, TimeSpan patience, CancellationToken cancel)
    {
        var wrong = JetStreamNames.CheckName("stream", stream);
        wrong = wrong.IsNone ? config.Check() : wrong;
        if (!wrong.IsNone)
        {
            return wrong;
        }

        var echoed = JetStreamJson.Encode(config, static (json, c) => c.Write(json));
        var body = JetStreamJson.Encode((stream, echoed), static (json, what) =>
        {
            json.WriteString("stream_name", what.stream);
            json.WritePropertyName("config");
            json.WriteRawValue(what.echoed.Span);
        });
        var verb = config.FilterSubject.Length == 0
            ? $"CONSUMER.CREATE.{stream}.{config.Name}"
            : $"CONSUMER.CREATE.{stream}.{config.Name}.{config.FilterSubject}";
        var answer = await _api.AskAsync(verb, body, patience, cancel).ConfigureAwait(false);
        if (!answer.IsOk)
        {
            return answer.Error;
        }

        return Ignored(answer.Value, echoed, $"consumer '{config.Name}' of stream '{stream}'") is { IsNone: false } ignored ? ignored : ConsumerInfo.Read(answer.Value);
    }

    public async ValueTask<JetStreamResult<ConsumerInfo>> ConsumerInfoAsync(string stream, string consumer, CancellationToken cancel = default)
    {
        var wrong = JetStreamNames.CheckName("consumer", consumer);
        var answer = wrong.IsNone ? await AskNamedAsync("CONSUMER.INFO", stream, default, cancel, consumer).ConfigureAwait(false) : wrong;
        return answer.IsOk ? ConsumerInfo.Read(answer.Value) : answer.Error;
    }

    public async ValueTask<JetStreamError> DeleteConsumerAsync(string stream, string consumer, CancellationToken cancel = default)
    {
        var wrong = JetStreamNames.CheckName("consumer", consumer);
        return wrong.IsNone ? (await AskNamedAsync("CONSUMER.DELETE", stream, default, cancel, consumer).ConfigureAwait(false)).Error : wrong;
    }

    /// <summary>Stores a message and waits for the server to say so.</summary>
    public ValueTask<JetStreamResult<PublishAck>> PublishAsync(
        NatsSubject subject, ReadOnlyMemory<byte> payload, JetStreamPublish? options = null, CancellationToken cancel = default) =>
        _publisher.PublishAsync(subject, payload, options ?? JetStreamPublish.Default, cancel);

    /// <summary>One message of a consumer that exists, with nothing asked ahead; <see cref="JetStreamFault.NotFound"/> when none came in time. Dispose it.</summary>
    public async ValueTask<JetStreamResult<JetStreamMessage>> NextAsync(string stream, string consumer, TimeSpan expires, CancellationToken cancel = default)
    {
        var wrong = JetStreamNames.CheckName("stream", stream);
        wrong = wrong.IsNone ? JetStreamNames.CheckName("consumer", consumer) : wrong;
        return wrong.IsNone ? await SinglePull.ReadAsync(this, _api.SubjectOf($"CONSUMER.MSG.NEXT.{stream}.{consumer}"), expires, cancel).ConfigureAwait(false) : wrong;
    }

    /// <summary>Reads a consumer that exists: one reader at a time.</summary>
    public JetStreamResult<PullConsumer> OpenPull(string stream, string consumer, PullOptions? options = null)
    {
        var wrong = JetStreamNames.CheckName("stream", stream);
        wrong = wrong.IsNone ? JetStreamNames.CheckName("consumer", consumer) : wrong;
        wrong = wrong.IsNone ? (options ?? PullOptions.Default).Check() : wrong;
        return wrong.IsNone ? new PullConsumer(this, stream, consumer, options ?? PullOptions.Default) : wrong;
    }

    /// <summary>Reads a stream in order, each message once, whatever happens to servers and connections: one reader at a time.</summary>
    public JetStreamResult<OrderedConsumer> OpenOrdered(string stream, OrderedOptions? options = null)
    {
        var chosen = options ?? new OrderedOptions();
        var wrong = JetStreamNames.CheckName("stream", stream);
        wrong = wrong.IsNone ? chosen.Check() : wrong;
        return wrong.IsNone ? new OrderedConsumer(this, stream, chosen) : wrong;
    }

    private async ValueTask<JetStreamResult<StoredMessage>> GetAsync(string stream, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        var answer = await AskNamedAsync("STREAM.MSG.GET", stream, body, cancel).ConfigureAwait(false);
        if (!answer.IsOk)
        {
            return answer.Error;
        }

        return answer.Value.TryGetProperty("message"u8, out var message) && StoredMessage.Read(message) is { } stored
            ? stored
            : new JetStreamError(JetStreamFault.Malformed, $"the answer of stream '{stream}' holds no message");
    }

    private async ValueTask<JetStreamResult<JsonElement>> AskNamedAsync(
        string verb, string stream, ReadOnlyMemory<byte> body, CancellationToken cancel, string consumer = "")
    {
        if (JetStreamNames.CheckName("stream", stream) is { IsNone: false } wrong)
        {
            return wrong;
        }

        return await _api.AskAsync(consumer.Length == 0 ? $"{verb}.{stream}" : $"{verb}.{stream}.{consumer}", body, cancel).ConfigureAwait(false);
    }

    private static JetStreamResult<StreamInfo> CheckStream(JetStreamResult<JsonElement> answer, string name, ReadOnlyMemory<byte> asked)
    {
        if (!answer.IsOk)
        {
            return answer.Error;
        }

        return Ignored(answer.Value, asked, $"stream '{name}'") is { IsNone: false } ignored ? ignored : StreamInfo.Read(answer.Value);
    }

    private static JetStreamError Ignored(JsonElement answer, ReadOnlyMemory<byte> asked, string what)
    {
        if (!answer.TryGetProperty("config"u8, out var echoed))
        {
            return new JetStreamError(JetStreamFault.Malformed, $"the answer about {what} holds no configuration");
        }

        return EchoCheck.FirstIgnored(asked, echoed) is { } field
            ? new JetStreamError(JetStreamFault.Ignored, $"the server did not take the field '{field}' of {what}: use a newer nats-server, or do without it")
            : default;
    }
}
