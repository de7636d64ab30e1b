namespace Jesus.Tests.Faults;

/// <summary>Randomness that a seed replays (SplitMix64).</summary>
internal sealed class TestDice(int seed)
{
    private ulong _state = (ulong)seed;

    /// <summary>0 up to, without, <paramref name="bound"/>.</summary>
    public int Next(int bound)
    {
        _state += 0x9E3779B97F4A7C15UL;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return (int)Math.BigMul(z ^ (z >> 31), (ulong)bound, out _);
    }
}
