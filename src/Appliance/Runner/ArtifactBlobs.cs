using Jesus.Appliance.Artifacts;

namespace Jesus.Appliance.Runner;

/// <summary>The artifact store as the runner's place for content.</summary>
public sealed class ArtifactBlobs(ArtifactStore store) : IRunBlobs
{
    public string Put(ReadOnlySpan<byte> bytes, string mediaType)
    {
        var put = store.Put(bytes, mediaType);
        return put.Stored ? put.Ref.Hash : throw new IOException(put.Refusal);
    }

    public byte[]? Read(string sha256) => store.Read(sha256);
}
