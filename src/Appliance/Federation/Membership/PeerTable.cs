using System.Text;
using Jesus.Appliance.Federation.Messages;

namespace Jesus.Appliance.Federation.Membership;

/// <summary>
/// Who is there and how it is: a fold over statuses and this box's own monotonic time. Nothing of a sender's clock is used, only its life's number, its own count of
/// statuses, and when they came. No I/O. Written under a lock; <see cref="Current"/> and the views are read without one.
/// </summary>
/// <param name="self">This box's id.</param>
/// <param name="incarnation">Drawn anew by each start of it; not 0.</param>
/// <param name="peersMax">Peers remembered at once.</param>
public sealed class PeerTable(string self, ulong incarnation, int peersMax)
{
    /// <summary>A look that comes so much late says that this box stood still, not its peers.</summary>
    private const long StallMs = 1_500;

    /// <summary>What came while it stood still is read before anybody is judged.</summary>
    private const long AfterStallMs = 1_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, PeerEntry> _entries = new(StringComparer.Ordinal);
    private PeerView[] _views = [];
    private long _lookedMs = long.MinValue;
    private long _judgeFromMs = long.MinValue;
    private long _deafMs = long.MinValue;
    private long _ownIdTakenMs = long.MinValue;
    private bool _hears = true;

    /// <summary>A box that asks nobody: without a federation.</summary>
    public static PeerTable Empty { get; } = new("", 1, 1);

    public string Self => self;
    public ulong Incarnation => incarnation;

    /// <summary>Every peer that is remembered, in no order. The array is replaced when there are more or fewer, its places when a peer changes.</summary>
    public PeerView[] Current => Volatile.Read(ref _views);

    /// <summary>Boxes that are not gone, this one included: what the pace of statuses depends on.</summary>
    public int Boxes { get; private set; } = 1;

    public PeerView? Find(string id)
    {
        foreach (var view in Current)
        {
            if (view.Id == id)
            {
                return view;
            }
        }

        return null;
    }

    /// <summary>Another box spoke under this box's id within the last minute.</summary>
    public bool OwnIdTaken(long nowMs)
    {
        lock (_gate)
        {
            return _ownIdTakenMs != long.MinValue && nowMs - _ownIdTakenMs < FlapDamper.QuietMs;
        }
    }

    /// <summary>Takes a status. The id is the sender's place in the subject, which the server vouches for.</summary>
    public StatusVerdict Apply(ReadOnlySpan<byte> id, PeerStatus status, long nowMs)
    {
        Span<char> name = stackalloc char[FederationOptions.NameLengthMax];
        if (!FederationOptions.IsName(id) || status.Incarnation == 0 || Encoding.ASCII.GetChars(id, name) != id.Length)
        {
            return StatusVerdict.Malformed;
        }

        lock (_gate)
        {
            if (name[..id.Length].SequenceEqual(self))
            {
                return HeardSelf(status, nowMs);
            }

            return _entries.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name[..id.Length], out var entry)
                ? HeardKnown(entry, status, nowMs)
                : HeardNew(name[..id.Length], status, nowMs);
        }
    }

    /// <summary>Looks at the time: who is missing, who has waited enough, who is forgotten. Call a few times a second.</summary>
    /// <param name="hears">Whether this box is connected; while it is not, it is deaf: it can ask nobody, and nobody's silence is held against them later.</param>
    public void Look(long nowMs, bool hears)
    {
        lock (_gate)
        {
            var stalled = _lookedMs != long.MinValue && nowMs - _lookedMs > StallMs;
            _lookedMs = nowMs;
            _hears = hears;
            if (stalled || !hears)
            {
                _deafMs = nowMs;
                _judgeFromMs = stalled ? nowMs + AfterStallMs : _judgeFromMs;
            }

            if (nowMs < _judgeFromMs)
            {
                return;
            }

            var boxes = 1;
            for (var i = _views.Length - 1; i >= 0; i--)
            {
                var entry = _entries[_views[i].Id];
                if (nowMs - _views[i].SeenMs > StatusPace.ForgetMs(_views[i].IntervalMs))
                {
                    Forget(entry);
                    continue;
                }

                Judge(entry, _views[i], nowMs);
                boxes += _views[i].State == PeerState.Gone ? 0 : 1;
            }

            Boxes = boxes;
        }
    }

    private StatusVerdict HeardSelf(PeerStatus status, long nowMs)
    {
        if (status.Incarnation == incarnation)
        {
            return StatusVerdict.Own;
        }

        _ownIdTakenMs = nowMs;
        return StatusVerdict.OwnIdTaken;
    }

    private StatusVerdict HeardNew(ReadOnlySpan<char> id, PeerStatus status, long nowMs)
    {
        if (_entries.Count >= peersMax && !TryForgetGone())
        {
            return StatusVerdict.TableFull;
        }

        var entry = new PeerEntry(id.ToString(), _views.Length);
        _ = entry.Rate.TryTake(nowMs);
        _entries.Add(entry.Id, entry);
        Volatile.Write(ref _views, [.. _views, new PeerView { Id = entry.Id }]);
        Boxes++;
        Begin(entry, status, nowMs);
        return StatusVerdict.New;
    }

    private StatusVerdict HeardKnown(PeerEntry entry, PeerStatus status, long nowMs)
    {
        if (!entry.Rate.TryTake(nowMs))
        {
            return StatusVerdict.TooOften;
        }

        if (status.Incarnation != entry.Incarnation)
        {
            return HeardOtherLife(entry, status, nowMs);
        }

        if (status.Sequence <= entry.Sequence)
        {
            return StatusVerdict.Stale;
        }

        var before = _views[entry.Index];
        var wasMissing = before.State is PeerState.Suspect or PeerState.Gone;
        if (wasMissing && before.SeenMs > _deafMs)
        {
            entry.Damper.CameBack(nowMs);
        }

        Take(entry, status, before.SinceMs, nowMs);
        return wasMissing ? StatusVerdict.Back : StatusVerdict.Taken;
    }

    private StatusVerdict HeardOtherLife(PeerEntry entry, PeerStatus status, long nowMs)
    {
        if (entry.HeardFormer(status.Incarnation, status.Sequence) is { } verdict)
        {
            return verdict == StatusVerdict.DuplicateId ? HeardTwo(entry, status, nowMs) : verdict;
        }

        // Whoever said that it drains may start again; whoever vanished and starts again may do so in circles.
        if (!entry.IsDraining)
        {
            entry.Damper.CameBack(nowMs);
        }

        entry.Retire();
        Begin(entry, status, nowMs);
        return StatusVerdict.New;
    }

    /// <summary>Two boxes under one id: nothing is sent to either, until one of them is silent; then the other has the id for itself.</summary>
    private StatusVerdict HeardTwo(PeerEntry entry, PeerStatus status, long nowMs)
    {
        var view = _views[entry.Index];
        if (view.State is PeerState.Suspect or PeerState.Gone)
        {
            entry.Retire();
            Begin(entry, status, nowMs);
            return StatusVerdict.New;
        }

        entry.DuplicateUntilMs = nowMs + StatusPace.GoneMs(view.IntervalMs);
        Judge(entry, view, nowMs);
        return StatusVerdict.DuplicateId;
    }

    private void Begin(PeerEntry entry, PeerStatus status, long nowMs)
    {
        entry.Incarnation = status.Incarnation;
        Take(entry, status, nowMs, nowMs);
    }

    private void Take(PeerEntry entry, PeerStatus status, long sinceMs, long nowMs)
    {
        _hears = true;
        entry.Sequence = status.Sequence;
        entry.IsDraining = status.IsDraining;
        var before = _views[entry.Index];
        Boxes += before.State == PeerState.Gone ? 1 : 0;
        var view = StatusReader.ViewOf(status, before.Incarnation == status.Incarnation ? before : null) with
        {
            Id = entry.Id,
            SinceMs = sinceMs,
            SeenMs = nowMs,
            State = status.IsDraining ? PeerState.Draining : PeerState.Alive,
        };
        Show(entry, view, nowMs);
    }

    /// <summary>The state that a peer's silence gives it.</summary>
    private void Judge(PeerEntry entry, PeerView view, long nowMs)
    {
        var age = nowMs - view.SeenMs;
        var state = age >= StatusPace.GoneMs(view.IntervalMs) ? PeerState.Gone
            : age < StatusPace.SuspectMs(view.IntervalMs) ? view.State is PeerState.Draining ? PeerState.Draining : PeerState.Alive

            // One that said goodbye and is silent has left.
            : view.State is PeerState.Draining or PeerState.Gone ? PeerState.Gone : PeerState.Suspect;
        Show(entry, state == view.State ? view : view with { State = state }, nowMs);
    }

    private void Show(PeerEntry entry, PeerView view, long nowMs)
    {
        entry.Damper.Calm(nowMs);
        var why = view.State switch
        {
            PeerState.Gone => Ineligible.Gone,
            PeerState.Suspect => Ineligible.Suspect,
            PeerState.Draining => Ineligible.Draining,
            _ when !_hears => Ineligible.Deaf,
            _ when nowMs < entry.DuplicateUntilMs => Ineligible.DuplicateId,
            _ when entry.Damper.HeldUntilMs > nowMs => Ineligible.Flapping,
            _ => view.Models.Count == 0 ? Ineligible.OffersNothing : Ineligible.No,
        };
        if (why != view.WhyNot || entry.Damper.Flaps != view.Flaps || entry.Damper.HeldUntilMs != view.HeldUntilMs)
        {
            view = view with { WhyNot = why, Flaps = entry.Damper.Flaps, HeldUntilMs = entry.Damper.HeldUntilMs };
        }

        Volatile.Write(ref _views[entry.Index], view);
    }

    /// <summary>Makes room by the peer that is gone for longest.</summary>
    private bool TryForgetGone()
    {
        PeerView? oldest = null;
        foreach (var view in _views)
        {
            oldest = view.State == PeerState.Gone && (oldest is null || view.SeenMs < oldest.SeenMs) ? view : oldest;
        }

        if (oldest is not null)
        {
            Forget(_entries[oldest.Id]);
        }

        return oldest is not null;
    }

    private void Forget(PeerEntry entry)
    {
        _ = _entries.Remove(entry.Id);
        var rest = new PeerView[_views.Length - 1];
        for (int from = 0, to = 0; from < _views.Length; from++)
        {
            if (from != entry.Index)
            {
                rest[to] = _views[from];
                _entries[_views[from].Id].Index = to++;
            }
        }

        Volatile.Write(ref _views, rest);
    }
}
