using System.Text;
using Jesus.Appliance.Runner;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>
/// The bodies of batches as they came, in the artifact store under their hash. A line before the body names the user: who can name a hash cannot thereby
/// use another's. Thread-safe.
/// </summary>
internal sealed class BatchBodies(IRunBlobs blobs)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<(string Hash, byte[] Content)> _recent = new();

    /// <summary>Keeps a body durably.</summary>
    /// <returns>Its hash, and how far the line before it moves what is in it.</returns>
    /// <exception cref="IOException">The store is full.</exception>
    public (string Hash, int Offset) Put(string user, ReadOnlySpan<byte> body)
    {
        var line = LineOf(user);
        var content = new byte[line.Length + body.Length];
        line.CopyTo(content, 0);
        body.CopyTo(content.AsSpan(line.Length));
        return (blobs.Put(content, "application/octet-stream"), line.Length);
    }

    /// <returns>The part; empty when it is not there or not the user's.</returns>
    public ReadOnlyMemory<byte> Read(string hash, string user, long at, long bytes)
    {
        var content = Find(hash);
        var line = LineOf(user);
        return content is not null && content.AsSpan().StartsWith(line) && at >= line.Length && bytes > 0 && bytes <= content.Length - at
            ? content.AsMemory((int)at, (int)bytes) : default;
    }

    private static byte[] LineOf(string user) => Encoding.UTF8.GetBytes(user.ReplaceLineEndings(" ") + "\n");

    private byte[]? Find(string hash)
    {
        lock (_gate)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (node.Value.Hash == hash)
                {
                    _recent.Remove(node);
                    _recent.AddFirst(node);
                    return node.Value.Content;
                }
            }

            if (blobs.Read(hash) is not { } content)
            {
                return null;
            }

            _recent.AddFirst((hash, content));
            if (_recent.Count > BatchLimits.BodiesMax)
            {
                _recent.RemoveLast();
            }

            return content;
        }
    }
}
