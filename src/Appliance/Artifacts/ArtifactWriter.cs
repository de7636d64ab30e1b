using System.Security.Cryptography;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Artifacts;

/// <summary>One artifact on its way into the store. Disposed before <see cref="Complete"/>, it leaves nothing behind.</summary>
internal sealed class ArtifactWriter(ArtifactStore store, IDisk disk, string temporary, string mediaType) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IDiskFile _file = disk.Open(temporary, DiskOpen.CreateNew);
    private long _length;
    private bool _published;

    /// <returns>Null, or which limit refuses it.</returns>
    public string? Append(ReadOnlySpan<byte> content)
    {
        if (store.Reserve(content.Length, _length) is { } refusal)
        {
            return refusal;
        }

        _file.Write(_length, content);
        _hash.AppendData(content);
        _length += content.Length;
        return null;
    }

    public ArtifactPut Complete()
    {
        var hash = Convert.ToHexStringLower(_hash.GetCurrentHash());
        _file.Sync();
        _published = store.Publish(temporary, hash);
        return new ArtifactPut(new ArtifactRef(hash, _length, mediaType), null);
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
        if (!_published)
        {
            store.Release(_length);
            disk.Delete(temporary);
        }
    }
}
