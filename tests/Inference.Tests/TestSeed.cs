using System.Globalization;

namespace Jesus.Inference.Tests;

/// <summary>The seed of a random test: printed, and taken from JESUS_SEED to play a failure again.</summary>
internal static class TestSeed
{
    public static int Next(ITestOutputHelper output)
    {
        var given = Environment.GetEnvironmentVariable("JESUS_SEED");
        var seed = given is { Length: > 0 } ? int.Parse(given, CultureInfo.InvariantCulture) : Random.Shared.Next();
        output.WriteLine($"seed {seed}; play it again with JESUS_SEED={seed}");
        return seed;
    }
}
