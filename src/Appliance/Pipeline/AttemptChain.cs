using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

public enum ChainMove : byte
{
    /// <summary>Call the candidate at <see cref="ChainStep.Place"/> now.</summary>
    Try,

    /// <summary>Ask again after <see cref="ChainStep.WaitMs"/>.</summary>
    Wait,

    /// <summary>Nothing is left to try.</summary>
    Stop,
}

public readonly record struct ChainStep(ChainMove Move, int Place = -1, long WaitMs = 0);

/// <summary>
/// Which candidate is tried next: pure, time is an argument. Round by round over the plan: the first round tries each candidate once, later rounds
/// those that failed for a passing cause, after a backoff. A candidate that asked to be left alone is not called before that time.
/// </summary>
public sealed class AttemptChain
{
    /// <summary>First backoff; doubles per round. Long enough for a load balancer to notice, short beside an answer.</summary>
    public const long BackoffMs = 200;

    /// <summary>A longer pause than this is answered to the client as retry-after instead of waited out here.</summary>
    public const long LongestWaitMs = 10_000;

    /// <summary>
    /// Further rounds ask doors that turned the call away. Not for a person's call: who may wait does so in a door's queue, and whoever may not is told at once when to come back,
    /// since outside nothing bounds how many wait, and a refusal that takes seconds is none.
    /// </summary>
    public bool AsksDoorsAgain { get; set; }

    private readonly List<Place> _places = [];
    private ulong _dice;
    private int _round;
    private int _rounds;
    private bool _stopped;

    /// <param name="places">How many candidates the plan has.</param>
    /// <param name="retries">Further rounds after the first.</param>
    /// <param name="dice">64 random bits: calls that failed together do not come back together. 0 waits exactly the backoff.</param>
    public void Begin(int places, int retries, ulong dice = 0)
    {
        _places.Clear();
        for (var i = 0; i < places; i++)
        {
            _places.Add(new Place(Pending: true, Passing: false, NotBeforeMs: 0, Offer: null));
        }

        _dice = dice;

        _round = 0;
        _rounds = retries + 1;
        _stopped = false;
    }

    /// <summary>The offer behind a place: its other keys share it.</summary>
    public void Name(int place, string offer) => _places[place] = _places[place] with { Offer = offer };

    /// <summary>A candidate that must not be called before a time, from the start.</summary>
    public void HoldBack(int place, long untilMs) => _places[place] = _places[place] with { NotBeforeMs = untilMs };

    /// <param name="deadlineMs">The call's own deadline; <see cref="long.MaxValue"/> when it has none.</param>
    public ChainStep Next(long nowMs, long deadlineMs)
    {
        if (_stopped || nowMs >= deadlineMs)
        {
            return new ChainStep(ChainMove.Stop);
        }

        if (!AnyPending() && !BeginRound(nowMs))
        {
            return new ChainStep(ChainMove.Stop);
        }

        var soonest = Soonest();
        var wait = _places[soonest].NotBeforeMs - nowMs;
        if (wait <= 0)
        {
            return new ChainStep(ChainMove.Try, soonest);
        }

        var worthIt = wait <= LongestWaitMs && nowMs + wait < deadlineMs;
        return worthIt ? new ChainStep(ChainMove.Wait, soonest, wait) : new ChainStep(ChainMove.Stop);
    }

    /// <summary>The candidate is of no use to the call as it stands now: it is not asked in this round.</summary>
    public void Skip(int place) => _places[place] = _places[place] with { Pending = false };

    /// <summary>Another candidate could be tried at once if this one were left: another key of the same server too, which has a door of its own.</summary>
    public bool HasOtherDoor(int place, long nowMs) => Other(place, nowMs, andKeys: true) >= 0;

    /// <summary>Another server could be tried at once beside this one, which is late whatever the key.</summary>
    public bool HasOther(int place, long nowMs) => Other(place, nowMs) >= 0;

    /// <summary>The place of <see cref="HasOther"/>; -1 when there is none.</summary>
    public int Other(int place, long nowMs) => Other(place, nowMs, andKeys: false);

    private int Other(int place, long nowMs, bool andKeys)
    {
        var offer = andKeys ? null : _places[place].Offer;
        for (var i = 0; i < _places.Count; i++)
        {
            if (i != place && _places[i].Pending && _places[i].NotBeforeMs <= nowMs && (offer is null || _places[i].Offer != offer))
            {
                return i;
            }
        }

        return -1;
    }

    /// <param name="fallsBack">The route goes on after this cause.</param>
    /// <param name="atDoor">Its door turned the call away; other keys have doors of their own.</param>
    public void Failed(int place, ErrorCause cause, bool fallsBack, long retryAfterMs, long nowMs, bool atDoor = false)
    {
        _stopped |= !fallsBack;
        var notBefore = retryAfterMs > 0 ? nowMs + Jittered(retryAfterMs, place, share: 8) : nowMs;
        var failed = _places[place] with { Pending = false, Passing = IsPassing(cause) && (!atDoor || AsksDoorsAgain), NotBeforeMs = notBefore };
        _places[place] = failed;
        if (!atDoor && !IsAboutTheKey(cause) && failed.Offer is not null)
        {
            PassOver(failed);
        }
    }

    /// <summary>Causes that say something of one key: the next key of the same provider may do better.</summary>
    public static bool IsAboutTheKey(ErrorCause cause) => cause is ErrorCause.RateLimited or ErrorCause.Unauthorized or ErrorCause.Refused;

    /// <summary>What failed is the server or the model: its other keys would find the same.</summary>
    private void PassOver(in Place failed)
    {
        for (var i = 0; i < _places.Count; i++)
        {
            if (_places[i].Pending && _places[i].Offer == failed.Offer)
            {
                _places[i] = failed;
            }
        }
    }

    /// <summary>A wait and up to its <paramref name="share"/>th part more.</summary>
    private long Jittered(long waitMs, int salt, int share) =>
        _dice == 0 ? waitMs : waitMs + (long)Math.BigMul(Router.StableHash.Mix(_dice ^ (ulong)((_round << 16) + salt + 1)), (ulong)(waitMs / share), out _);

    /// <summary>Causes that may be gone a moment later.</summary>
    public static bool IsPassing(ErrorCause cause) => cause is ErrorCause.RateLimited or ErrorCause.Overloaded or ErrorCause.ConnectFailed
        or ErrorCause.FirstTokenTimeout or ErrorCause.Stalled or ErrorCause.Cut or ErrorCause.Malformed or ErrorCause.SchemaViolated
        or ErrorCause.Draining;

    private bool AnyPending()
    {
        foreach (var place in _places)
        {
            if (place.Pending)
            {
                return true;
            }
        }

        return false;
    }

    private bool BeginRound(long nowMs)
    {
        _round++;
        if (_round >= _rounds)
        {
            return false;
        }

        var backoff = nowMs + Jittered(BackoffMs << Math.Min(_round - 1, 6), 0, share: 1);
        var any = false;
        for (var i = 0; i < _places.Count; i++)
        {
            var place = _places[i];
            _places[i] = place with { Pending = place.Passing, NotBeforeMs = Math.Max(place.NotBeforeMs, backoff) };
            any |= place.Passing;
        }

        return any;
    }

    /// <summary>The pending candidate that may be called first; among equals the earlier in the plan.</summary>
    private int Soonest()
    {
        var best = -1;
        for (var i = 0; i < _places.Count; i++)
        {
            if (_places[i].Pending && (best < 0 || _places[i].NotBeforeMs < _places[best].NotBeforeMs))
            {
                best = i;
            }
        }

        return best;
    }

    private readonly record struct Place(bool Pending, bool Passing, long NotBeforeMs, string? Offer);
}
