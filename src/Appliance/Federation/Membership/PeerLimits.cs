namespace Jesus.Appliance.Federation.Membership;

/// <summary>What one box may make another remember or look at. A message beyond them is dropped, or cut where a part of it is still of use, and counted.</summary>
internal static class PeerLimits
{
    /// <summary>A status of 256 models with 32 digests each takes 100 KB.</summary>
    public const int StatusBytesMax = 128 * 1024;

    /// <summary>A box has a handful in memory and tens on disk.</summary>
    public const int ModelsMax = 256;

    /// <summary>Longer names are no names of files.</summary>
    public const int ModelNameBytesMax = 255;

    /// <summary>The hottest of a model; each is 8 bytes of every status in which it changed.</summary>
    public const int DigestsMax = 32;

    public const int VersionBytesMax = 64;

    /// <summary>Messages of one peer a second, and at once: ten times what a small fleet sends, and room for its greetings.</summary>
    public const double MessagesPerSecond = 10;
    public const double MessagesBurst = 20;

    /// <summary>Earlier lives of a peer that are remembered to tell a restart from a second box of the same id.</summary>
    public const int FormerLives = 2;
}
