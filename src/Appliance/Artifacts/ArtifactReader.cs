using System.Security.Cryptography;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Artifacts;

/// <summary>Reads an artifact from its beginning to its end and checks the hash there. Owns the file.</summary>
internal sealed class ArtifactReader(IDiskFile file, string path, string hash) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => file.Length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException("An artifact is read from its beginning to its end.");
    }

    public override int Read(Span<byte> buffer)
    {
        var read = file.Read(_position, buffer);
        _hash.AppendData(buffer[..read]);
        _position += read;
        if (read == 0 && buffer.Length > 0)
        {
            Check();
        }

        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Check()
    {
        var found = Convert.ToHexStringLower(_hash.GetCurrentHash());
        if (found != hash)
        {
            throw new ArtifactDamagedException(path, found);
        }
    }
}
