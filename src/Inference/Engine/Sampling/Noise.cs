namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Counter-based noise: Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A draw depends on (seed, choice,
/// position) and on nothing else, so not on the batch, on speculation or on a resumption on another box.
/// </summary>
public static class Noise
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>A number from 0 up to but without 1, in steps of 2^-53.</summary>
    public static double Uniform(ulong seed, int choice, int position)
    {
        var (first, second, _, _) = Philox((uint)position, (uint)choice, 0, 0, (uint)seed, (uint)(seed >> 32));
        var bits = ((ulong)first << 32) | second;
        return (bits >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>The function itself: a counter of four words under a key of two.</summary>
    internal static (uint, uint, uint, uint) Philox(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(product1 >> 32) ^ c1 ^ k0, (uint)product1, (uint)(product0 >> 32) ^ c3 ^ k1, (uint)product0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }
}
