using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;
using Jesus.Transport.Nats;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Membership;

/// <summary>
/// Says how this box is, when the <see cref="AnnouncePlan"/> wants it: to all, with digests of warm prefixes where they changed, and the whole of it to each box that is new.
/// Thread-safe but for <see cref="TickAsync"/>, which has one caller.
/// </summary>
internal sealed class StatusAnnouncer : IDisposable
{
    /// <summary>Statuses to all from one with digests to the next, though nothing changed: for who missed one.</summary>
    private const int DigestsEach = 32;

    private readonly FederationSetup _setup;
    private readonly FederationSubjects _subjects;
    private readonly NatsConnection _nats;
    private readonly PeerTable _table;
    private readonly NatsSubject _subject;
    private readonly Utf8Slice _version;
    private readonly AnnouncePlan _plan;
    private readonly Lock _gate = new();

    // Below: used by whoever holds the semaphore.
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly PeerStatus _status = new();
    private readonly PooledBuffer _buffer = new(4096);
    private ulong _sequence;
    private ulong _print;
    private int _sinceDigests;
    private volatile bool _isDraining;

    public StatusAnnouncer(FederationSetup setup, FederationSubjects subjects, NatsConnection nats, PeerTable table)
    {
        (_setup, _subjects, _nats, _table) = (setup, subjects, nats, table);
        _subject = NatsSubject.Parse(subjects.Status);
        _version = new Utf8Slice(Encoding.UTF8.GetBytes(setup.Version));
        _plan = new AnnouncePlan(setup.Pace);
    }

    /// <summary>Milliseconds between two statuses, as last announced.</summary>
    public int IntervalMs => _plan.IntervalMs;

    /// <summary>The models as last announced.</summary>
    public IReadOnlyList<PeerModelView> Models { get; private set; } = [];

    /// <summary>A box is new, and is to get the whole status.</summary>
    public void Greet(ReadOnlySpan<byte> peer, long nowMs)
    {
        lock (_gate)
        {
            _plan.Greet(Encoding.ASCII.GetString(peer), nowMs, _table.Boxes, _setup.Dice());
        }
    }

    /// <summary>Sends what is due. While there is no connection nothing is: old news would only wait in a buffer.</summary>
    public async ValueTask TickAsync(long nowMs, CancellationToken cancel)
    {
        if (_nats.State != NatsState.Connected)
        {
            return;
        }

        if (_plan.IsDue(nowMs, _table.Boxes, _setup.Dice()))
        {
            await SendAsync(_subject, isWhole: false, cancel).ConfigureAwait(false);
        }

        while (TryTakeGreeting(nowMs, out var peer))
        {
            await SendAsync(NatsSubject.Parse(_subjects.WelcomeTo(peer)), isWhole: true, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>From now on every status says that nothing new is taken; the first such goes out at once.</summary>
    public async Task DrainAsync(CancellationToken cancel)
    {
        _isDraining = true;
        if (_nats.State == NatsState.Connected)
        {
            await SendAsync(_subject, isWhole: false, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>After the last call.</summary>
    public void Dispose()
    {
        _sending.Dispose();
        _status.Dispose();
        _buffer.Dispose();
    }

    private async ValueTask SendAsync(NatsSubject subject, bool isWhole, CancellationToken cancel)
    {
        await _sending.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (Fill(isWhole))
            {
                _ = await _nats.PublishAsync(subject, _buffer.Memory, cancel: cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            _ = _sending.Release();
        }
    }

    /// <summary>Writes the status into the buffer.</summary>
    private bool Fill(bool isWhole)
    {
        Models = _setup.Models();
        var print = StatusWriter.PrintOf(Models);
        var withDigests = isWhole || print != _print || _sinceDigests >= DigestsEach;
        StatusWriter.Fill(_status, new StatusHead
        {
            Incarnation = _table.Incarnation,
            Sequence = ++_sequence,
            IntervalMs = IntervalMs,
            IsDraining = _isDraining,
            Version = _version,
            WithDigests = withDigests,
            DigestPrint = print,
        }, Models);
        if (!isWhole)
        {
            // What one box was told alone, the others still have to hear.
            (_print, _sinceDigests) = (print, withDigests ? 0 : _sinceDigests + 1);
        }

        _buffer.Reset();
        var writer = new WireWriter(_buffer);
        _status.Write(ref writer);
        return writer.Complete();
    }

    private bool TryTakeGreeting(long nowMs, out string peer)
    {
        lock (_gate)
        {
            return _plan.TryTakeGreeting(nowMs, out peer);
        }
    }
}
