using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>Why a peer is not asked.</summary>
public enum Unfit : byte
{
    No,
    NotEligible,
    OtherPeer,
    NoSuchModel,
    ContextTooSmall,
    OtherNumerics,
    Visited,

    /// <summary>It failed this box lately; asked only where nobody else is left.</summary>
    Rests,
}

/// <summary>What the choice must know of a call. Plain values.</summary>
/// <param name="Peer">The only box that may be asked, or <c>*</c>.</param>
/// <param name="PromptTokens">About how long the prompt is.</param>
/// <param name="Numerics">The arithmetic that must answer; unknown is any.</param>
public readonly record struct PeerAsk(string Peer, string Model, Lane Lane, int PromptTokens, NumericsProfile Numerics);

/// <summary>What this box knows of a peer's model by itself.</summary>
/// <param name="RoundTripMs">From asking to the peer's word that it takes the call, at its shortest lately; 0 when not measured.</param>
/// <param name="InFlight">This box's own calls there now: the status may be older than they are.</param>
/// <param name="Rests">It failed lately.</param>
public readonly record struct PeerMemory(double RoundTripMs, int InFlight, bool Rests);

/// <summary>A peer that may be asked.</summary>
/// <param name="Index">The caller's number of it.</param>
/// <param name="FirstTokenMs">When its first token is expected.</param>
public readonly record struct PeerChance(int Index, double FirstTokenMs, bool Rests);

/// <summary>Which peers to ask, in what order. Pure: views, own knowledge and dice are arguments.</summary>
public static class PeerSelector
{
    /// <summary>Peers of one link of a route: beyond a few, the next is no better than another round.</summary>
    public const int ChosenMax = 4;

    /// <summary>A peer that has measured nothing yet: a small model on a usual CPU.</summary>
    public const double UnknownPrefillTokensPerSecond = 200;

    /// <summary>What one of this box's calls delays the next where the peer has no place left: until the next status says it better.</summary>
    public const double WaitingCallMs = 500;

    /// <summary>Within so much of the best the forecast says nothing: statuses are up to a second old.</summary>
    public const double NearFactor = 1.25;
    public const double NearMs = 50;

    public static Unfit WhyNot(PeerView view, PeerModelView? model, in PeerAsk ask, List<Utf8Slice> visited)
    {
        if (ask.Peer != "*" && ask.Peer != view.Id)
        {
            return Unfit.OtherPeer;
        }

        if (model is null)
        {
            return Unfit.NoSuchModel;
        }

        return !view.IsEligible ? Unfit.NotEligible
            : WasVisited(view.Id, visited) ? Unfit.Visited
            : model.ContextTokens > 0 && ask.PromptTokens > model.ContextTokens ? Unfit.ContextTooSmall
            : !ask.Numerics.IsUnknown && model.Numerics != ask.Numerics ? Unfit.OtherNumerics
            : Unfit.No;
    }

    /// <summary>Delay in the call's lane, then the part of the prompt that the peer does not have at hand, then the way there and back.</summary>
    /// <param name="digests">Of the prompt's beginnings, as <see cref="PromptDigests"/> has them.</param>
    public static double FirstTokenMs(PeerModelView model, in PeerAsk ask, ReadOnlySpan<ulong> digests, in PeerMemory memory)
    {
        var missing = Math.Max(1, ask.PromptTokens - WarmTokens(model, digests));
        var speed = model.PrefillTokensPerSecond > 0 ? model.PrefillTokensPerSecond : UnknownPrefillTokensPerSecond;
        var waiting = Math.Max(0, memory.InFlight + 1 - Math.Max(1, model.FreeSlots));
        return model.DelayMs(ask.Lane) + (missing * 1_000 / speed) + (waiting * WaitingCallMs) + memory.RoundTripMs;
    }

    /// <summary>
    /// Puts the best few in order. First comes the better of two that are drawn from all that are about as good as the best: callers that look at one stale picture then
    /// spread over these, and none gets much more than its share (Mitzenmacher 2001). Those that rest come after all others.
    /// </summary>
    /// <returns>How many were chosen.</returns>
    public static int Choose(ReadOnlySpan<PeerChance> chances, ulong dice, Span<int> chosen)
    {
        var (rests, best) = BestOf(chances);
        if (best < 0)
        {
            return 0;
        }

        var near = (chances[best].FirstTokenMs * NearFactor) + NearMs;
        var one = Draw(chances, rests, near, (uint)dice, except: -1);
        var two = Draw(chances, rests, near, (uint)(dice >> 32), except: one);
        var first = two >= 0 && chances[two].FirstTokenMs < chances[one].FirstTokenMs ? two : one;
        chosen[0] = first;
        var count = 1;
        while (count < chosen.Length && NextOf(chances, chosen[..count]) is >= 0 and var next)
        {
            chosen[count++] = next;
        }

        return count;
    }

    /// <summary>Tokens of the prompt whose keys and values the peer has at hand.</summary>
    public static int WarmTokens(PeerModelView model, ReadOnlySpan<ulong> digests)
    {
        for (var i = digests.Length - 1; i >= 0; i--)
        {
            if (model.HasPrefix(digests[i]))
            {
                return PromptDigests.TokensOf(i);
            }
        }

        return 0;
    }

    private static bool WasVisited(string id, List<Utf8Slice> visited)
    {
        foreach (var box in visited)
        {
            if (System.Text.Ascii.Equals(box.Span, id))
            {
                return true;
            }
        }

        return false;
    }

    private static (bool Rests, int Best) BestOf(ReadOnlySpan<PeerChance> chances)
    {
        var best = -1;
        for (var i = 0; i < chances.Length; i++)
        {
            best = best < 0 || IsBetter(chances[i], chances[best]) ? i : best;
        }

        return (best >= 0 && chances[best].Rests, best);
    }

    private static bool IsBetter(in PeerChance one, in PeerChance other) => one.Rests != other.Rests ? !one.Rests : one.FirstTokenMs < other.FirstTokenMs;

    /// <summary>One of those that are near the best, evenly.</summary>
    private static int Draw(ReadOnlySpan<PeerChance> chances, bool rests, double near, uint dice, int except)
    {
        var count = 0;
        for (var i = 0; i < chances.Length; i++)
        {
            count += IsNear(chances[i], rests, near) && i != except ? 1 : 0;
        }

        var left = (int)((ulong)dice * (uint)count >> 32);
        for (var i = 0; i < chances.Length && count > 0; i++)
        {
            if (IsNear(chances[i], rests, near) && i != except && left-- == 0)
            {
                return i;
            }
        }

        return -1;
    }

    private static bool IsNear(in PeerChance chance, bool rests, double near) => chance.Rests == rests && chance.FirstTokenMs <= near;

    private static int NextOf(ReadOnlySpan<PeerChance> chances, ReadOnlySpan<int> taken)
    {
        var best = -1;
        for (var i = 0; i < chances.Length; i++)
        {
            best = !taken.Contains(i) && (best < 0 || IsBetter(chances[i], chances[best])) ? i : best;
        }

        return best;
    }
}
