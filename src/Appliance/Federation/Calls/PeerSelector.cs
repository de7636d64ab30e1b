using Jesus.Appliance.Router;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// Puts peers in the order of the expected time to the first token: what a new call waits there, and the prompt's missing part at the speed at which the peer reads.
/// A peer that served the conversation lately has most of the prompt, so conversations stay where they are. What peers say is up to a status old, and every box hears
/// the same: among near equals two are drawn and the one with fewer calls of ours goes first, so that not all boxes run to the same one. Pure.
/// </summary>
public static class PeerSelector
{
    /// <summary>Of a prompt that goes on with a conversation, what is usually new: its last turns.</summary>
    private const double NewShare = 0.125;

    /// <summary>For a peer that has measured nothing: a processor of two cores reads about so many tokens of a small model a second.</summary>
    private const double UnknownPrefillPerSecond = 200;

    /// <summary>Two expectations are equal when they differ by less than the network and the age of a status make of them.</summary>
    private const double NearMs = 50;
    private const double NearShare = 0.25;

    /// <summary>What a call of ours adds to the next one's wait where all places are taken: a short answer, shared by the places.</summary>
    private const double CallMs = 1_000;

    /// <summary>Milliseconds until the first token of a prompt of so many tokens, as far as it can be foreseen.</summary>
    public static double ExpectedMs(in PeerOffer offer, int promptTokens)
    {
        var speed = offer.PrefillPerSecond > 0 ? offer.PrefillPerSecond : UnknownPrefillPerSecond;
        var missing = promptTokens * (offer.IsWarm ? NewShare : 1);
        var behind = offer.Slots > 0 ? Math.Max(0, offer.OwnCalls + 1 - offer.Slots) * CallMs / offer.Slots : 0;
        return offer.DelayMs + behind + (missing * 1_000 / speed);
    }

    /// <summary>Writes the indexes of the best offers, the best first; those that rest come last.</summary>
    /// <param name="expected">Room for one value per offer.</param>
    /// <returns>How many were written: as many as there are places in <paramref name="chosen"/>, or offers.</returns>
    public static int Choose(ReadOnlySpan<PeerOffer> offers, int promptTokens, ulong dice, Span<double> expected, Span<int> chosen)
    {
        for (var i = 0; i < offers.Length; i++)
        {
            // An hour behind the others: tried when nobody else is left.
            expected[i] = ExpectedMs(offers[i], promptTokens) + (offers[i].Rests ? 3_600_000 : 0);
        }

        var count = 0;
        for (; count < chosen.Length && count < offers.Length; count++)
        {
            var best = Soonest(expected[..offers.Length]);
            chosen[count] = count == 0 ? OneOfNear(offers, expected[..offers.Length], expected[best], dice) : best;
            expected[chosen[count]] = double.PositiveInfinity;
        }

        return count;
    }

    private static int Soonest(ReadOnlySpan<double> expected)
    {
        var best = 0;
        for (var i = 1; i < expected.Length; i++)
        {
            best = expected[i] < expected[best] ? i : best;
        }

        return best;
    }

    private static int OneOfNear(ReadOnlySpan<PeerOffer> offers, ReadOnlySpan<double> expected, double bestMs, ulong dice)
    {
        var limit = bestMs + Math.Max(NearMs, bestMs * NearShare);
        var near = 0;
        foreach (var one in expected)
        {
            near += one <= limit ? 1 : 0;
        }

        var first = NthNear(expected, limit, Draw(dice, near));
        var second = NthNear(expected, limit, Draw(StableHash.Mix(dice), near));
        if (offers[first].OwnCalls != offers[second].OwnCalls)
        {
            return offers[first].OwnCalls < offers[second].OwnCalls ? first : second;
        }

        return expected[first] <= expected[second] ? first : second;
    }

    private static int Draw(ulong dice, int of) => (int)Math.BigMul(dice, (ulong)of, out _);

    private static int NthNear(ReadOnlySpan<double> expected, double limit, int n)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i] <= limit && n-- == 0)
            {
                return i;
            }
        }

        return 0;
    }
}
