using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Membership;

/// <summary>Hears how other boxes are and folds it into the <see cref="PeerTable"/>. What is dropped is counted, and logged once for each reason and peer.</summary>
internal sealed class StatusListener(FederationSetup setup, FederationSubjects subjects, NatsConnection nats, PeerTable table, StatusAnnouncer announcer)
{
    /// <summary>A thousand boxes at once, read in a moment; more are dropped by the subscription, which counts them.</summary>
    private static readonly NatsSubscriptionOptions Pending = new() { PendingMessagesMax = 4_096, PendingBytesMax = 16 << 20 };

    private readonly Complaints _complaints = new();

    public async Task RunAsync(CancellationToken cancel)
    {
        await Task.WhenAll(
            ReadAsync(subjects.EveryStatus, isWelcome: false, cancel),
            ReadAsync(subjects.Welcomes, isWelcome: true, cancel)).ConfigureAwait(false);
    }

    private async Task ReadAsync(string subject, bool isWelcome, CancellationToken cancel)
    {
        using var status = new PeerStatus();
        await using var subscription = nats.Subscribe(NatsSubject.Parse(subject), options: Pending);
        while (await subscription.WaitToReadAsync(cancel).ConfigureAwait(false))
        {
            while (subscription.TryRead(out var message))
            {
                using (message)
                {
                    Hear(message, status, isWelcome);
                }
            }
        }
    }

    private void Hear(in NatsMessage message, PeerStatus status, bool isWelcome)
    {
        var now = setup.Time.NowMs();
        var sender = isWelcome ? subjects.SenderOfWelcome(message.Subject.Span) : subjects.SenderOfStatus(message.Subject.Span);
        var verdict = message.Payload.Length <= PeerLimits.StatusBytesMax && PeerStatus.TryRead(message.Payload.Span, status, out _)
            ? table.Apply(sender, status, now)
            : StatusVerdict.Malformed;
        FederationMetrics.Heard(verdict);
        if (verdict is StatusVerdict.New or StatusVerdict.Back)
        {
            // A greeting that is answered is the last: who sent it knew of this box already, so the answer is nothing new there.
            announcer.Greet(sender, now);
        }
        else if (verdict is not (StatusVerdict.Taken or StatusVerdict.Stale or StatusVerdict.Own))
        {
            Complain(sender, verdict);
        }
    }

    private void Complain(ReadOnlySpan<byte> sender, StatusVerdict verdict)
    {
        var peer = FederationOptions.IsName(sender) ? System.Text.Encoding.ASCII.GetString(sender) : "?";
        if (!_complaints.IsNew(peer, verdict.ToString()))
        {
            return;
        }

        if (verdict is StatusVerdict.OwnIdTaken)
        {
            setup.Log.LogError("another box calls itself {Peer} as this one does: no peer sends either of them anything until one has another federation.peer", peer);
            return;
        }

        setup.Log.LogWarning("statuses of {Peer} are dropped from now on where they are {Verdict}: {Reason}", peer, verdict, verdict switch
        {
            StatusVerdict.DuplicateId => "two boxes call themselves so; give one another federation.peer",
            StatusVerdict.TooOften => $"more than {PeerLimits.MessagesPerSecond:0} a second",
            StatusVerdict.TableFull => $"{setup.Options.PeersMax} peers are known already (federation.peersMax)",
            _ => $"no status of this protocol, or over {PeerLimits.StatusBytesMax} bytes",
        });
    }
}
