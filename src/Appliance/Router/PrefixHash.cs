using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>
/// What stays the same while a conversation goes on: its tools, what comes before the first user's turn, and that turn. Providers keep the work on a
/// prompt's beginning for a while, so calls with the same beginning do well to go to the same place. Pure.
/// </summary>
public static class PrefixHash
{
    /// <summary>Bytes of one part that are looked at: different conversations differ within them, and a long document costs no more than a short one.</summary>
    private const int PartBytesMax = 2_048;

    public static ulong Of(ModelRequest request)
    {
        var hash = 0UL;
        foreach (var tool in request.Tools)
        {
            hash = StableHash.Add(hash, tool.Name);
        }

        for (var i = 0; i < request.Turns.Count; i++)
        {
            hash = StableHash.Mix(hash ^ (ulong)request.Turns[i].Role);
            foreach (ref readonly var part in request.Turns.PartsOf(i))
            {
                hash = StableHash.Add(hash, part.Text.Span[..Math.Min(part.Text.Length, PartBytesMax)]);
            }

            if (request.Turns[i].Role == TurnRole.User)
            {
                break;
            }
        }

        return hash;
    }
}
