namespace Jesus.Appliance.Pipeline;

/// <summary>What a caller asks of the route's cache of answers (header <c>x-jesus-cache</c>).</summary>
public enum CacheWish : byte
{
    Use,

    /// <summary>A new answer, which then replaces the kept one.</summary>
    Refresh,

    /// <summary>Neither given from the cache nor kept in it.</summary>
    Off,
}

/// <summary>What became of it.</summary>
public enum CacheUse : byte
{
    /// <summary>The route keeps no answers, or the caller wanted none.</summary>
    None,
    Miss,
    Hit,
}
