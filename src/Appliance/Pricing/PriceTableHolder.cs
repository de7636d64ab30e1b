namespace Jesus.Appliance.Pricing;

/// <summary>
/// Where the price tables hang that were loaded since the start: a call under way keeps the one it began with, and a run the one that it was submitted under. Over a
/// restart the dates of the lines do the same. Thread-safe.
/// </summary>
public sealed class PriceTableHolder(PriceTable first)
{
    /// <summary>Reloads that are remembered; a run older than these takes the oldest.</summary>
    private const int TablesMax = 32;

    private volatile Loaded[] _tables = [new(DateTimeOffset.MinValue, first)];

    /// <summary>The newest.</summary>
    public PriceTable Current => _tables[^1].Table;

    /// <summary>A reload.</summary>
    public void Replace(PriceTable table, DateTimeOffset now)
    {
        var kept = _tables.Length < TablesMax ? _tables : _tables[1..];
        _tables = [.. kept, new Loaded(now, table)];
    }

    /// <summary>The table that was current at a moment.</summary>
    public PriceTable At(DateTimeOffset at)
    {
        var tables = _tables;
        for (var i = tables.Length - 1; i > 0; i--)
        {
            if (tables[i].At <= at)
            {
                return tables[i].Table;
            }
        }

        return tables[0].Table;
    }

    private readonly record struct Loaded(DateTimeOffset At, PriceTable Table);
}
