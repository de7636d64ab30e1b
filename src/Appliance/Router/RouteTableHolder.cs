namespace Jesus.Appliance.Router;

/// <summary>Where the current table hangs. A reload replaces it; calls under way keep theirs, and what it stood on lives until the last of them is over. Thread-safe.</summary>
public sealed class RouteTableHolder(RouteTable table)
{
    private readonly Lock _gate = new();
    private readonly List<RouteTable> _retired = [];
    private volatile RouteTable _current = table;

    public RouteTable Current => _current;

    /// <summary>The current table, for one call; <see cref="RouteTable.Leave"/> must follow.</summary>
    public RouteTable Enter()
    {
        while (true)
        {
            var table = _current;
            table.Enter();
            if (table == _current)
            {
                return table;
            }

            // It was replaced in between, and whoever looked for its last call may have missed this one.
            table.Leave();
        }
    }

    public void Replace(RouteTable table)
    {
        lock (_gate)
        {
            _ = _retired.RemoveAll(t => t.Calls == 0);
            _retired.Add(_current);
            _current = table;
        }
    }

    /// <summary>No call uses a table that was replaced.</summary>
    public bool RetiredAreIdle()
    {
        lock (_gate)
        {
            _ = _retired.RemoveAll(t => t.Calls == 0);
            return _retired.Count == 0;
        }
    }
}
