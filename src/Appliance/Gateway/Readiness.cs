namespace Jesus.Appliance.Gateway;

/// <summary>What <c>/readyz</c> tells. Thread-safe: parts are set by whoever starts or stops them.</summary>
public sealed class Readiness
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, (bool Ready, string Detail)> _parts = new(StringComparer.Ordinal);
    private bool _draining;

    /// <summary>No new work is taken.</summary>
    public bool Draining
    {
        get { lock (_gate) { return _draining; } }
        set { lock (_gate) { _draining = value; } }
    }

    /// <param name="part">Such as <c>journal</c> or <c>models</c>.</param>
    /// <param name="ready">Whether requests can be served as far as this part goes.</param>
    /// <param name="detail">In words.</param>
    public void Set(string part, bool ready, string detail)
    {
        lock (_gate)
        {
            _parts[part] = (ready, detail);
        }
    }

    public (bool Ready, IReadOnlyList<(string Part, bool Ready, string Detail)> Parts) Snapshot()
    {
        lock (_gate)
        {
            var parts = _parts.Select(p => (p.Key, p.Value.Ready, p.Value.Detail)).ToArray();
            return (!_draining && parts.All(p => p.Ready), parts);
        }
    }
}
