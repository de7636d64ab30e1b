namespace Jesus.Transport.Wire;

/// <summary>Reserved values of MemoryPack's format.</summary>
internal static class WireCode
{
    /// <summary>In place of a collection's or text's length.</summary>
    public const int NullCollection = -1;

    /// <summary>In place of an object's member count or a union's tag.</summary>
    public const byte NullObject = 255;

    /// <summary>In place of a union's tag of one byte: the tag follows in two.</summary>
    public const byte WideTag = 250;

    /// <summary>In a circular object's place: the id of an object seen before follows.</summary>
    public const byte ReferenceId = 250;

    // Variable-length integers: one signed byte holds -120 to 127, or one of these codes, after which the value follows in that type.
    public const sbyte VarByte = -121;
    public const sbyte VarSByte = -122;
    public const sbyte VarUInt16 = -123;
    public const sbyte VarInt16 = -124;
    public const sbyte VarUInt32 = -125;
    public const sbyte VarInt32 = -126;
    public const sbyte VarUInt64 = -127;
    public const sbyte VarInt64 = -128;
}
