namespace Jesus.Transport.Wire;

/// <summary>Bounds that no well-meant message comes near; what breaks one is refused before anything is allocated for it.</summary>
public static class WireLimits
{
    /// <summary>Objects inside objects. The deepest message of the appliance has four levels; the rest is room for newer peers.</summary>
    public const int DepthMax = 16;

    /// <summary>The longest message: a prompt of a million tokens is about 4 MB of text, an image in it up to 20 MB.</summary>
    public const int MessageBytesMax = 64 * 1024 * 1024;

    /// <summary>Members of one object: MemoryPack keeps 250 and above of the count's byte for other uses.</summary>
    public const int MembersMax = 249;
}
