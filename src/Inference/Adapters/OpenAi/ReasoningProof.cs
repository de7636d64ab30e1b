namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>
/// A reasoning item's id and encrypted content as one signature, <c>rs_123:gAAAA...</c>: the API wants both back, and our contract carries one. What a caller
/// got from the API itself has no id before it; a signature of another provider is not OpenAI's to read.
/// </summary>
internal static class ReasoningProof
{
    private const byte Separator = (byte)':';

    /// <summary>How encrypted content begins (a Fernet token of version 0x80, in base64).</summary>
    private static ReadOnlySpan<byte> Encrypted => "gAAAA"u8;

    /// <returns>False when it is not OpenAI's.</returns>
    public static bool TrySplit(ReadOnlySpan<byte> signature, out ReadOnlySpan<byte> id, out ReadOnlySpan<byte> content)
    {
        var at = signature.IndexOf(Separator);
        id = at > 0 && signature.StartsWith("rs_"u8) ? signature[..at] : default;
        content = id.IsEmpty ? signature : signature[(at + 1)..];
        return !id.IsEmpty || signature.StartsWith(Encrypted);
    }
}
