namespace Jesus.Transport.Wire;

/// <summary>What is wrong with bytes that were read.</summary>
public enum WireFault : byte
{
    None,

    /// <summary>The bytes end before the value does.</summary>
    Truncated,

    /// <summary>A length or count is negative where it may not be.</summary>
    NegativeLength,

    /// <summary>A length or count is more than the bytes left can hold, or than its limit.</summary>
    LengthTooLarge,

    /// <summary>More members than a plain object has: only version-tolerant objects may grow.</summary>
    TooManyMembers,

    /// <summary>A byte that begins no value of this kind (an object's count of 250 to 254, an unknown code of a variable-length integer).</summary>
    UnknownCode,

    /// <summary>Null where a value is needed.</summary>
    Null,

    /// <summary>A union's tag that names no type.</summary>
    UnknownTag,

    /// <summary>Text that is no valid UTF-8, or whose stated length in UTF-16 is another.</summary>
    InvalidText,

    /// <summary>Text in the UTF-16 form where only UTF-8 is taken.</summary>
    Utf16Text,

    /// <summary>A member whose value is shorter than the length stated for it.</summary>
    LengthMismatch,

    /// <summary>A number outside what its type or its field allows.</summary>
    OutOfRange,

    /// <summary>Objects inside objects beyond <see cref="WireLimits.DepthMax"/>.</summary>
    TooDeep,

    /// <summary>Bytes after the end of the value.</summary>
    TrailingBytes,
}
