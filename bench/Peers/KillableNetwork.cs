using Jesus.Transport.Http;

namespace Jesus.Bench.Peers;

/// <summary>A box's way to the others. Once killed its connections are gone without a word, as with the process, and no new one is made.</summary>
internal sealed class KillableNetwork(INetwork inner) : INetwork
{
    private readonly Lock _gate = new();
    private readonly List<INetworkConnection> _open = [];
    private bool _isDead;

    public async ValueTask<INetworkConnection> ConnectAsync(NetworkTarget target, CancellationToken cancel)
    {
        var connection = await inner.ConnectAsync(target, cancel);
        lock (_gate)
        {
            if (!_isDead)
            {
                _open.Add(connection);
                return connection;
            }
        }

        connection.Abort();
        throw new IOException("the box is dead");
    }

    public void Kill()
    {
        lock (_gate)
        {
            _isDead = true;
            _open.ForEach(connection => connection.Abort());
        }
    }
}
