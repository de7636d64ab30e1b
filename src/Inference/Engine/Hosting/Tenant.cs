namespace Jesus.Inference.Engine.Hosting;

/// <summary>Where a model stands between its file and memory.</summary>
internal enum TenantState : byte
{
    /// <summary>Its memory is reserved or about to be; its callers wait.</summary>
    Loading,
    Loaded,

    /// <summary>An operator unloads it: calls under way go on, new ones are refused.</summary>
    Draining,

    /// <summary>Nobody uses it and its memory is being given back; a new call waits for that and loads it again.</summary>
    Closing,
}

/// <summary>One model's share of the memory, as <see cref="MemoryPolicy"/> sees it.</summary>
/// <param name="Name">The model.</param>
/// <param name="Bytes">Reserved: counted from before the first allocation until the last byte is given back.</param>
/// <param name="State">Only loaded ones can give way.</param>
/// <param name="Calls">Under way, or waiting for the load.</param>
/// <param name="IsPinned">Gives way to nobody.</param>
/// <param name="LastUsed">Monotonic; when its last call began or ended.</param>
internal readonly record struct Tenant(string Name, long Bytes, TenantState State, int Calls, bool IsPinned, long LastUsed)
{
    public bool MayGiveWay => State == TenantState.Loaded && Calls == 0 && !IsPinned;
}
