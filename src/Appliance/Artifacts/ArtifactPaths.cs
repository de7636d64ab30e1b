namespace Jesus.Appliance.Artifacts;

/// <summary>Where an artifact lies: <c>artifacts/ab/cdef...</c>, 256 folders by the first byte of the hash; what is being written lies in <c>artifacts/tmp</c>.</summary>
internal sealed class ArtifactPaths(string root)
{
    public string Root { get; } = root;
    public string Temporary { get; } = Path.Combine(root, "tmp");

    public string FolderOf(string hash) => Path.Combine(Root, hash[..2]);

    public string FileOf(string hash) => Path.Combine(Root, hash[..2], hash[2..]);

    /// <summary>Every folder that there can be.</summary>
    public IEnumerable<(string Prefix, string Path)> Folders()
    {
        for (var i = 0; i < 256; i++)
        {
            var prefix = Convert.ToHexStringLower([(byte)i]);
            yield return (prefix, Path.Combine(Root, prefix));
        }
    }
}
