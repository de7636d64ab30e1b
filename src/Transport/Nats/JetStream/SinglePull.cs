using System.Text;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>One message of a consumer and nothing asked ahead: for who takes work only when it has room for it.</summary>
internal static class SinglePull
{
    /// <param name="subject"><c>$JS.API.CONSUMER.MSG.NEXT.stream.consumer</c></param>
    /// <param name="expires">After so long the server says that there is none.</param>
    public static async ValueTask<JetStreamResult<JetStreamMessage>> ReadAsync(JetStreamContext context, NatsSubject subject, TimeSpan expires, CancellationToken cancel)
    {
        // A delivered message bears its stream's subject, so it needs a subscription of its own; the requests' shared inbox would not know it.
        var inbox = context.Connection.NewInbox();
        await using var answers = context.Connection.Subscribe(inbox);
        using var limit = new CancellationTokenSource(expires + context.Options.AnswerWithin, context.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var sent = await context.Connection.PublishAsync(subject, BodyOf(expires), null, inbox, cancel).ConfigureAwait(false);
        if (sent != NatsResult.Ok)
        {
            return new JetStreamError(JetStreamFault.Unavailable, $"a request to {subject} was not sent: {sent}");
        }

        while (await WaitAsync(answers, both.Token).ConfigureAwait(false))
        {
            while (answers.TryRead(out var message))
            {
                if (JetStreamMetadata.TryParse(message.ReplyTo.Span, out var metadata))
                {
                    return new JetStreamMessage(context.Connection, message, metadata);
                }

                var (step, description) = (PullStatus.StepOf(message.Headers.Status, message.Headers.Description.Span), Encoding.UTF8.GetString(message.Headers.Description.Span));
                message.Dispose();
                if (step != PullStep.Alive)
                {
                    return ErrorOf(step, subject, description);
                }
            }
        }

        return cancel.IsCancellationRequested ? JetStreamErrors.Cancelled : new JetStreamError(JetStreamFault.TimedOut, $"no answer to {subject} in time");
    }

    private static JetStreamError ErrorOf(PullStep step, NatsSubject subject, string description) => step switch
    {
        PullStep.PullOver or PullStep.BytesFull => new JetStreamError(JetStreamFault.NotFound, "the consumer has no message now"),
        PullStep.LookUp => new JetStreamError(JetStreamFault.NoResponders, $"nobody answers {subject}: the stream or consumer does not exist, or a leader is being elected"),
        PullStep.Later => new JetStreamError(JetStreamFault.Unavailable, $"{subject}: {description}"),
        _ => new JetStreamError(JetStreamFault.Refused, $"{subject}: {description}"),
    };

    private static ReadOnlyMemory<byte> BodyOf(TimeSpan expires) => JetStreamJson.Encode(expires, static (json, time) =>
    {
        json.WriteNumber("batch", 1);
        json.WriteNumber("expires", JetStreamJson.Nanoseconds(time));
    });

    private static async ValueTask<bool> WaitAsync(NatsSubscription answers, CancellationToken cancel)
    {
        try
        {
            return await answers.WaitToReadAsync(cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
