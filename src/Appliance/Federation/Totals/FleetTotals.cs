using System.Collections.Concurrent;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Jesus.Transport.Wire;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Totals;

/// <summary>
/// Tells all boxes each ten seconds what this one has done, and keeps what they tell: so any box can show the fleet's totals. A box that starts again begins at 0; one that
/// is gone counts with its last word until it is forgotten.
/// </summary>
internal sealed class FleetTotals(FederationSetup setup, FederationSubjects subjects, NatsConnection nats, PeerTable table) : IDisposable
{
    /// <summary>A message that comes within this part of the interval after another is one too many.</summary>
    private const int TooOften = 10;

    /// <summary>Counters of six numbers; anything longer is something else.</summary>
    private const int MessageBytesMax = 4 * 1024;

    private static readonly NatsSubscriptionOptions Pending = new() { PendingMessagesMax = 4_096, PendingBytesMax = 4 << 20 };

    private readonly NatsSubject _subject = NatsSubject.Parse(subjects.Totals);
    private readonly ConcurrentDictionary<string, PeerCounts> _peers = new(StringComparer.Ordinal);
    private readonly PeerTelemetry _own = new();
    private readonly PooledBuffer _buffer = new(256);
    private readonly Complaints _complaints = new();
    private readonly long _startedMs = setup.Time.NowMs();
    private long _dueMs = long.MinValue;
    private ulong _sequence;

    /// <summary>Every box that was heard of, this one included, by name.</summary>
    public PeerCounts[] View()
    {
        var now = setup.Time.NowMs();
        return [.. _peers.Values.Append(new PeerCounts(table.Self, setup.Counts(), now)).OrderBy(p => p.Peer, StringComparer.Ordinal)];
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        var counts = new PeerTelemetry();
        await using var subscription = nats.Subscribe(NatsSubject.Parse(subjects.EveryTotals), options: Pending);
        while (await subscription.WaitToReadAsync(cancel).ConfigureAwait(false))
        {
            while (subscription.TryRead(out var message))
            {
                using (message)
                {
                    Hear(message, counts);
                }
            }
        }
    }

    /// <summary>Sends what is due; as statuses, less often in a large fleet.</summary>
    public async ValueTask TickAsync(long nowMs, CancellationToken cancel)
    {
        var interval = Math.Max(setup.TotalsMs, setup.Pace.For(table.Boxes));
        if (_dueMs == long.MinValue)
        {
            _dueMs = nowMs + (long)(setup.Dice() % (uint)interval);
        }

        if (nowMs < _dueMs || nats.State != NatsState.Connected)
        {
            return;
        }

        _dueMs = nowMs + interval;
        Forget(nowMs);
        if (Fill())
        {
            _ = await nats.PublishAsync(_subject, _buffer.Memory, cancel: cancel).ConfigureAwait(false);
        }
    }

    /// <summary>After the last call but for <see cref="View"/>.</summary>
    public void Dispose() => _buffer.Dispose();

    private bool Fill()
    {
        var counts = setup.Counts();
        _own.Incarnation = table.Incarnation;
        _own.Sequence = ++_sequence;
        _own.UptimeMs = Math.Max(0, setup.Time.NowMs() - _startedMs);
        _own.Calls = counts.Calls;
        _own.Errors = counts.Errors;
        _own.InputTokens = counts.InputTokens;
        _own.OutputTokens = counts.OutputTokens;
        _own.MicroUsd = counts.MicroUsd;
        _own.Runs = counts.Runs;
        _buffer.Reset();
        var writer = new WireWriter(_buffer);
        _own.Write(ref writer);
        return writer.Complete();
    }

    private void Hear(in NatsMessage message, PeerTelemetry counts)
    {
        var sender = subjects.SenderOfTotals(message.Subject.Span);
        if (!FederationOptions.IsName(sender))
        {
            Drop("?", StatusVerdict.Malformed);
            return;
        }

        // A string each: ten seconds apart, it is no hot path.
        var peer = System.Text.Encoding.ASCII.GetString(sender);
        var now = setup.Time.NowMs();
        var isKnown = _peers.TryGetValue(peer, out var before);
        if (peer == table.Self)
        {
            return;
        }

        if (isKnown && now - before.SeenMs < setup.TotalsMs / TooOften)
        {
            Drop(peer, StatusVerdict.TooOften);
        }
        else if (!isKnown && _peers.Count >= setup.Options.PeersMax)
        {
            Drop(peer, StatusVerdict.TableFull);
        }
        else if (message.Payload.Length > MessageBytesMax || !PeerTelemetry.TryRead(message.Payload.Span, counts, out _))
        {
            Drop(peer, StatusVerdict.Malformed);
        }
        else
        {
            Take(peer, counts, now);
        }
    }

    private void Drop(string peer, StatusVerdict verdict)
    {
        FederationMetrics.Heard(verdict);
        if (_complaints.IsNew(peer, verdict.ToString()))
        {
            setup.Log.LogWarning("counts of {Peer} are dropped from now on where they are {Verdict}", peer, verdict);
        }
    }

    private void Take(string peer, PeerTelemetry counts, long now) =>
        _peers[peer] = new PeerCounts(peer, new BoxCounts
        {
            Calls = counts.Calls,
            Errors = counts.Errors,
            InputTokens = counts.InputTokens,
            OutputTokens = counts.OutputTokens,
            MicroUsd = counts.MicroUsd,
            Runs = counts.Runs,
        }, now);

    private void Forget(long nowMs)
    {
        foreach (var (peer, counts) in _peers)
        {
            if (nowMs - counts.SeenMs > StatusPace.ForgetMs(setup.TotalsMs))
            {
                _ = _peers.TryRemove(peer, out _);
            }
        }
    }
}
