namespace Jesus.Appliance.Pricing;

/// <summary>Where the current prices hang. A reload replaces them; a call under way keeps those it began with.</summary>
public sealed class PriceTableHolder(PriceTable table)
{
    private volatile PriceTable _current = table;

    public PriceTable Current => _current;

    public void Replace(PriceTable table) => _current = table;
}
