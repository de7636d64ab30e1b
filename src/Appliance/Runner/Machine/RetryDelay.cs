using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>How long to wait before an attempt: doubles with each, with jitter from a seed so that a replay waits alike. Pure.</summary>
public static class RetryDelay
{
    /// <param name="failed">Attempts that failed so far, at least 1.</param>
    /// <param name="seed">Differs between runs and steps, so that a thousand failures do not come back as one.</param>
    public static TimeSpan After(RetrySpec retry, int failed, ulong seed)
    {
        var full = Math.Min(retry.Backoff.TotalSeconds * Math.Pow(2, Math.Min(failed - 1, 40)), retry.MaxDelay.TotalSeconds);
        var jitter = (Mix(seed + (ulong)failed) >> 11) * (1.0 / (1UL << 53));
        return TimeSpan.FromSeconds(full * (0.5 + (0.5 * jitter)));
    }

    /// <summary>FNV-1a over the run and the path.</summary>
    public static ulong SeedOf(string runId, string path)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in runId)
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        foreach (var c in path)
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        return hash;
    }

    /// <summary>SplitMix64's finaliser.</summary>
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
