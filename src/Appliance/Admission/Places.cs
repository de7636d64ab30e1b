namespace Jesus.Appliance.Admission;

/// <summary>How many of some places are taken, and the line of those that were refused one. Not thread-safe; monotonic milliseconds are an argument.</summary>
internal sealed class Places
{
    /// <summary>Null until a first call was refused.</summary>
    private PlaceLine? _line;

    /// <summary>Taken.</summary>
    public int Inside { get; private set; }

    /// <summary>Nobody is awaited.</summary>
    public bool IsEmpty(long nowMs) => _line?.IsEmpty(nowMs) != false;

    /// <inheritdoc cref="PlaceLine.WaitMs(PlaceLine?, ulong, int, int, double, long)"/>
    public long WaitMs(ulong caller, int places, double meanMs, long nowMs) => PlaceLine.WaitMs(_line, caller, Inside, places, meanMs, nowMs);

    /// <inheritdoc cref="PlaceLine.Tell"/>
    public void Tell(ulong caller, long waitMs, long nowMs) => (_line ??= new PlaceLine()).Tell(caller, waitMs, nowMs);

    /// <returns>It came as told; <see cref="Leave"/> has to know.</returns>
    public bool Enter(ulong caller, long nowMs)
    {
        Inside++;
        return _line?.Enter(caller, nowMs) == true;
    }

    public void Leave(bool isAwaited)
    {
        Inside--;
        if (isAwaited)
        {
            _line!.Leave();
        }
    }
}
