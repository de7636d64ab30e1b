namespace Jesus.Appliance.Router;

/// <summary>Who may be given an answer that somebody else's call was answered with.</summary>
public enum CacheSharing : byte
{
    /// <summary>Nobody: each user has their own answers.</summary>
    None,
    Team,
    Organisation,

    /// <summary>Whoever may call the route.</summary>
    All,
}

/// <summary>Config section <c>routes.NAME.cache</c>: exact answers kept in memory and given again. Off unless <see cref="TtlSeconds"/> is set.</summary>
public sealed record RouteCacheOptions
{
    /// <summary>Seconds for which an answer may be given again; 0 to 2,592,000 (30 days), 0 turns the cache off.</summary>
    public int TtlSeconds { get; init; }

    /// <summary>Memory of the route's answers together, in bytes; default 16 MiB, some 4,000 ordinary answers. 64 KiB to 4 GiB.</summary>
    public long MaxBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Never across data classes, whatever this says.</summary>
    public CacheSharing Shared { get; init; }

    public bool IsOn => TtlSeconds > 0;
}
