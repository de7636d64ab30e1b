namespace Jesus.Appliance.Router;

/// <summary>Where the current table hangs. A reload replaces it; calls under way keep theirs.</summary>
public sealed class RouteTableHolder(RouteTable table)
{
    private volatile RouteTable _current = table;

    public RouteTable Current => _current;

    public void Replace(RouteTable table) => _current = table;
}
