namespace Jesus.Appliance.Federation.Membership;

/// <summary>What became of a status.</summary>
public enum StatusVerdict : byte
{
    /// <summary>The peer was known, and this is its newest word.</summary>
    Taken,

    /// <summary>A peer, or a life of one, that was not known.</summary>
    New,

    /// <summary>It was missing, and is back.</summary>
    Back,

    /// <summary>Older than what is known, or the same again.</summary>
    Stale,

    /// <summary>This box's own, as the server sends it back.</summary>
    Own,

    /// <summary>Another box speaks under this box's id.</summary>
    OwnIdTaken,

    /// <summary>Two boxes speak under one id.</summary>
    DuplicateId,

    /// <summary>The peer says more than it may.</summary>
    TooOften,

    /// <summary>As many peers are remembered as may be.</summary>
    TableFull,

    /// <summary>Not a status, or one over the limits.</summary>
    Malformed,
}
