using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>What answers and the server's error objects mean. Numbers: server/errors.json of nats-server.</summary>
internal static class JetStreamErrors
{
    public const int ClusterUnavailable = 10008;
    public const int ConsumerNotFound = 10014;
    public const int MessageNotFound = 10037;
    public const int StreamNameInUse = 10058;
    public const int StreamNotFound = 10059;
    public const int WrongLastMessageId = 10070;
    public const int WrongLastSequence = 10071;

    /// <summary>No error when there is an answer.</summary>
    public static JetStreamError Of(in NatsReply reply, NatsSubject subject) => reply.Status switch
    {
        NatsReplyStatus.Ok => default,
        NatsReplyStatus.NoResponders => NoResponders(subject),
        NatsReplyStatus.TimedOut => new(JetStreamFault.TimedOut, $"no answer to {subject} in time"),
        NatsReplyStatus.Cancelled => Cancelled,
        NatsReplyStatus.Disconnected when reply.PublishResult == NatsResult.Disconnected => NotSent(reply.PublishResult, subject),
        NatsReplyStatus.NotSent => NotSent(reply.PublishResult, subject),
        _ => new(JetStreamFault.Disconnected, $"not connected, or the connection broke before {subject} was answered"),
    };

    public static JetStreamError NoResponders(NatsSubject subject) =>
        new(JetStreamFault.NoResponders, $"nobody answers {subject}: JetStream is off here, the stream or consumer does not exist, or a leader is being elected");

    public static JetStreamError Cancelled => new(JetStreamFault.Cancelled, "cancelled");

    private static JetStreamError NotSent(NatsResult result, NatsSubject subject) => result switch
    {
        NatsResult.TooLarge => new(JetStreamFault.TooLarge, $"a message to {subject} is larger than the server's max_payload"),
        NatsResult.Cancelled => Cancelled,
        NatsResult.InvalidSubject => new(JetStreamFault.WrongName, $"{subject} cannot be published to"),
        NatsResult.Disconnected or NatsResult.BufferFull or NatsResult.TimedOut => new(JetStreamFault.Unavailable, $"a message to {subject} was not sent: {result}"),
        _ => new(JetStreamFault.Refused, $"a message to {subject} was not sent: {result}"),
    };

    /// <summary><c>{"code":404,"err_code":10059,"description":"stream not found"}</c></summary>
    public static JetStreamError Of(JsonElement error, NatsSubject subject)
    {
        var code = (int)JetStreamJson.LongOf(error, "err_code");
        var fault = FaultOf(code, (int)JetStreamJson.LongOf(error, "code"));
        return new JetStreamError(fault, $"{subject}: {JetStreamJson.TextOf(error, "description")}", code);
    }

    /// <param name="code">The server's <c>err_code</c>.</param>
    /// <param name="status">Its HTTP-like code.</param>
    public static JetStreamFault FaultOf(int code, int status) => code switch
    {
        WrongLastSequence or WrongLastMessageId or StreamNameInUse => JetStreamFault.Conflict,
        ClusterUnavailable => JetStreamFault.Unavailable,
        _ => status switch
        {
            404 => JetStreamFault.NotFound,
            503 => JetStreamFault.Unavailable,
            _ => JetStreamFault.Refused,
        },
    };
}
