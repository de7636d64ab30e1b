namespace Jesus.Appliance.Artifacts;

/// <summary>What a run keeps of an artifact: enough to find it and to know that it is whole.</summary>
/// <param name="Hash">SHA-256 of the content, 64 hexadecimal digits in lower case.</param>
/// <param name="Length">Bytes.</param>
/// <param name="MediaType">Such as <c>text/markdown</c>; belongs to the reference, equal contents share one file.</param>
public readonly record struct ArtifactRef(string Hash, long Length, string MediaType)
{
    private static readonly System.Buffers.SearchValues<char> HexDigits = System.Buffers.SearchValues.Create("0123456789abcdef");

    public static bool IsHash(ReadOnlySpan<char> text) => text.Length == 64 && !text.ContainsAnyExcept(HexDigits);
}

/// <summary>The reference of what was stored, or why it was not.</summary>
/// <param name="Refusal">Which limit it is, and what to do; null when stored.</param>
public readonly record struct ArtifactPut(ArtifactRef Ref, string? Refusal)
{
    public bool Stored => Refusal is null;
}

/// <summary>The content on disk is not what its name says. Nothing of it may be used.</summary>
public sealed class ArtifactDamagedException(string path, string found) : IOException(
    $"The artifact {path} is damaged: its content hashes to {found}. Restore it from a backup, or retry the run that made it; check the disk (dmesg, smartctl).");
