namespace Jesus.Transport.Nats.Connecting;

/// <summary>The servers that we know and whose turn it is. No clock and no socket: the same calls give the same order.</summary>
internal sealed class ServerPool
{
    private readonly List<ServerAddress> _configured = [];
    private readonly List<ServerAddress> _known = [];
    private readonly int _max;
    private int _next;
    private int _triedInVain;

    public ServerPool(IEnumerable<ServerAddress> configured, int max, ref Dice dice)
    {
        _configured.AddRange(configured);
        _known.AddRange(_configured);
        _max = Math.Max(max, _configured.Count);

        // Boxes of a fleet are configured alike: they would all take the first server.
        for (var i = _known.Count - 1; i > 0; i--)
        {
            var other = dice.Next(i + 1);
            (_known[i], _known[other]) = (_known[other], _known[i]);
        }
    }

    public int Count => _known.Count;

    /// <summary>Every known server was tried since one last answered: time to pause.</summary>
    public bool RoundIsOver => _triedInVain >= _known.Count;

    public ServerAddress Next()
    {
        _next = (_next + 1) % _known.Count;
        return _known[_next];
    }

    public void Failed() => _triedInVain++;

    public void NewRound() => _triedInVain = 0;

    /// <summary>What the cluster said of itself: servers it names are added, those found so earlier and named no more are forgotten.</summary>
    /// <returns>How many are new.</returns>
    public int Learn(ServerAddress from, IReadOnlyList<string> addresses)
    {
        if (addresses.Count == 0)
        {
            return 0;
        }

        var current = _known[_next];
        _known.RemoveAll(server => !_configured.Contains(server) && server != current && !addresses.Contains(server.Address));
        var added = 0;
        foreach (var address in addresses)
        {
            if (_known.Count < _max && !_known.Exists(server => server.Address == address) && from.Discovered(address) is { } found)
            {
                _known.Add(found);
                added++;
            }
        }

        _next = Math.Max(0, _known.IndexOf(current));
        return added;
    }
}
