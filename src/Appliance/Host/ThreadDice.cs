using System.Security.Cryptography;
using Jesus.Appliance.Router;

namespace Jesus.Appliance.Host;

/// <summary>
/// Chance for decisions, twice a call: which candidate, how long to wait. Nobody gains by foreseeing it, and the system's chance costs about a microsecond each time; so each
/// thread asks for it once and goes on from there (SplitMix64).
/// </summary>
internal static class ThreadDice
{
    [ThreadStatic]
    private static ulong _state;

    public static ulong Roll()
    {
        // Zero begins a thread, and comes again once in 2^64 rolls.
        var state = _state == 0 ? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) : _state;
        _state = state + StableHash.Step;
        return StableHash.Mix(state);
    }
}
