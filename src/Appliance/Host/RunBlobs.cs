using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Runner;

namespace Jesus.Appliance.Host;

/// <summary>The runner's content lies in the artifact store.</summary>
internal sealed class RunBlobs(ArtifactStore store) : IRunBlobs
{
    public string Put(ReadOnlySpan<byte> bytes, string mediaType)
    {
        var put = store.Put(bytes, mediaType);
        return put.Stored ? put.Ref.Hash : throw new IOException(put.Refusal);
    }

    public byte[]? Read(string sha256) => store.Read(sha256);
}
