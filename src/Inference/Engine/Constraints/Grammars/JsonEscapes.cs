namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>The one way in which each byte of a text is written inside a JSON string here: short escapes where JSON has them, \u00xx for other controls.</summary>
internal static class JsonEscapes
{
    public const int LengthMax = 6;

    public static bool IsNeeded(byte value) => value is < 0x20 or (byte)'"' or (byte)'\\';

    /// <summary>The letter after the backslash; 0 when there is no short form.</summary>
    public static byte ShortOf(byte value) => value switch
    {
        (byte)'"' => (byte)'"',
        (byte)'\\' => (byte)'\\',
        0x08 => (byte)'b',
        0x0C => (byte)'f',
        (byte)'\n' => (byte)'n',
        (byte)'\r' => (byte)'r',
        (byte)'\t' => (byte)'t',
        _ => 0,
    };

    /// <summary>The byte that a letter after a backslash stands for; -1 when it stands for none.</summary>
    public static int FromShort(byte letter) => letter switch
    {
        (byte)'"' => '"',
        (byte)'\\' => '\\',
        (byte)'b' => 0x08,
        (byte)'f' => 0x0C,
        (byte)'n' => '\n',
        (byte)'r' => '\r',
        (byte)'t' => '\t',
        _ => -1,
    };

    /// <summary>The bytes that write this byte; <paramref name="scratch"/> holds them.</summary>
    public static ReadOnlySpan<byte> Of(byte value, Span<byte> scratch)
    {
        if (!IsNeeded(value))
        {
            scratch[0] = value;
            return scratch[..1];
        }

        scratch[0] = (byte)'\\';
        scratch[1] = ShortOf(value);
        if (scratch[1] != 0)
        {
            return scratch[..2];
        }

        "\\u00"u8.CopyTo(scratch);
        scratch[4] = (byte)('0' + (value >> 4));
        scratch[5] = (byte)"0123456789abcdef"[value & 15];
        return scratch[..LengthMax];
    }
}
