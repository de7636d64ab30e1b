using Jesus.Appliance.Admission;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Places for responses in the background: of all, at most half for one principal, and whoever is refused is told a time that counts those told before. Not thread-safe; monotonic
/// milliseconds are an argument.
/// </summary>
internal sealed class BackgroundPlaces
{
    /// <summary>Principals remembered before the idle ones are forgotten.</summary>
    private const int OwnersMax = 1_024;

    private readonly Dictionary<string, Places> _owners = new(StringComparer.Ordinal);
    private readonly Places _all = new();
    private MeanLength _length = new(last: 10);

    /// <summary>Taken.</summary>
    public int Inside => _all.Inside;

    /// <summary>Takes a place, or says after how long to come back.</summary>
    /// <param name="owner">The principal.</param>
    /// <param name="caller">What the request is known by when it comes back.</param>
    /// <param name="max">Places in all.</param>
    /// <param name="nowMs">The moment.</param>
    /// <param name="own">Places that the principal had before.</param>
    /// <returns>Null with <paramref name="waitMs"/> where it has to come back.</returns>
    public BackgroundPlace? Take(string owner, ulong caller, int max, long nowMs, out int own, out long waitMs)
    {
        var of = OwnerOf(owner, nowMs);
        own = of.Inside;
        var forOwn = of.WaitMs(caller, Math.Max(1, max / 2), _length.Ms, nowMs);
        var forAny = _all.WaitMs(caller, max, _length.Ms, nowMs);
        waitMs = Math.Max(forOwn, forAny);
        if (waitMs == 0)
        {
            return new BackgroundPlace(owner, nowMs, of.Enter(caller, nowMs), _all.Enter(caller, nowMs));
        }

        // A place is kept where it comes free last: in the other line it would stand empty.
        (forOwn >= forAny ? of : _all).Tell(caller, waitMs, nowMs);
        return null;
    }

    /// <summary>The response is made, or was not begun.</summary>
    public void GiveBack(BackgroundPlace place, bool wasMade, long nowMs)
    {
        _owners[place.Owner].Leave(place.IsAwaitedOwn);
        _all.Leave(place.IsAwaited);
        if (wasMade)
        {
            _length.Add(nowMs - place.SinceMs);
        }
    }

    private Places OwnerOf(string name, long nowMs)
    {
        if (!_owners.TryGetValue(name, out var owner))
        {
            if (_owners.Count >= OwnersMax)
            {
                foreach (var (idle, of) in _owners)
                {
                    if (of.Inside == 0 && of.IsEmpty(nowMs))
                    {
                        _ = _owners.Remove(idle);
                    }
                }
            }

            _owners[name] = owner = new Places();
        }

        return owner;
    }
}

/// <summary>One place that was taken.</summary>
/// <param name="Owner">Whose.</param>
/// <param name="SinceMs">Monotonic.</param>
/// <param name="IsAwaitedOwn">It came as it was told for want of one of its own places.</param>
/// <param name="IsAwaited">Of all places.</param>
internal sealed record BackgroundPlace(string Owner, long SinceMs, bool IsAwaitedOwn, bool IsAwaited);
