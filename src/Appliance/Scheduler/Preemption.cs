namespace Jesus.Appliance.Scheduler;

/// <summary>
/// Who makes way at a door for a person's call, and who of them comes back when. Only calls of the lane <c>batch</c> that can stand still make way, each at most
/// <see cref="SchedulerOptions.PreemptionsMax"/> times, and comes back after <see cref="SchedulerOptions.PreemptedMs"/> whatever else waits: so nobody is set aside for ever.
/// Pure and not thread-safe; the door's.
/// </summary>
internal sealed class Preemption(SchedulerOptions options)
{
    private readonly List<Place> _inside = [];
    private readonly List<Place> _aside = [];

    public int AsideCount => _aside.Count;

    /// <summary>When the one longest aside comes back at the latest; <see cref="long.MaxValue"/> when nobody is.</summary>
    public long DueMs => _aside.Count == 0 ? long.MaxValue : _aside[0].AsideSinceMs + options.PreemptedMs;

    /// <summary>A call is inside that never made way; it may be out of reach yet, while its model loads or its prompt is rendered.</summary>
    public bool MayComeInReach => options.PreemptionsMax > 0 && _inside.Exists(static place => place.TimesAside == 0);

    public void Entered(Place place)
    {
        if (place is { Lane: Lane.Batch, IsKept: false, Hold: not null })
        {
            _inside.Add(place);
        }
    }

    /// <summary>A call is over; who was aside for its memory waits for it no longer.</summary>
    public void Left(Place place)
    {
        _ = _inside.Remove(place) || _aside.Remove(place);
        foreach (var aside in _aside)
        {
            if (aside.For == place)
            {
                aside.Unbind();
            }
        }
    }

    /// <summary>
    /// Who makes way next; null when nobody may. Who did so least often, and of those the one that came last: it has the least to lose.
    /// </summary>
    public Place? Choose()
    {
        Place? chosen = null;
        for (var i = _inside.Count - 1; i >= 0; i--)
        {
            var place = _inside[i];
            if (place.TimesAside < options.PreemptionsMax && place.Hold!.CanHold && (chosen is null || place.TimesAside < chosen.TimesAside))
            {
                chosen = place;
            }
        }

        return chosen;
    }

    /// <param name="place">One that <see cref="Choose"/> named.</param>
    /// <param name="forMemoryOf">The call that needs its memory; null where one needs its place.</param>
    /// <param name="nowMs">Milliseconds of the door's clock.</param>
    public void SetAside(Place place, Place? forMemoryOf, long nowMs)
    {
        _ = _inside.Remove(place);
        _aside.Add(place);
        place.SetAside(forMemoryOf, nowMs);
    }

    /// <summary>Who comes back although no place is free: its time is up. It has the next place that comes free, since nobody is let in before.</summary>
    public Place? Due(long nowMs) => DueMs <= nowMs ? _aside[0] : null;

    /// <summary>Who comes back to a place that is free: the one longest aside that waits for nobody's memory; nobody while people wait for that place.</summary>
    public Place? Next(int peopleWaiting) => peopleWaiting > 0 ? null : _aside.Find(static place => place.For is null);

    public void TakeBack(Place place, long nowMs)
    {
        _ = _aside.Remove(place);
        place.TakeBack(nowMs);
        Entered(place);
    }
}
