namespace Jesus.Bench.Load;

/// <summary>What came of a source's calls. Counting allocates nothing.</summary>
internal sealed class LoadTally
{
    private readonly long[] _byStatus = new long[600];

    /// <summary>From when a call was due to its answer, whatever it was.</summary>
    public Histogram All { get; } = new();

    /// <summary>The same of answers of 200.</summary>
    public Histogram Served { get; } = new();

    /// <summary>From a request on the wire to its refusal.</summary>
    public Histogram Refused { get; } = new();

    /// <summary>Nanoseconds after which refusals told to come back.</summary>
    public Histogram Told { get; } = new();

    /// <summary>Of the calls that came back as told: answered, or refused once more.</summary>
    public long BackServed { get; private set; }
    public long BackRefused { get; private set; }
    public long Bytes { get; private set; }

    /// <summary>Too much for now: come back later.</summary>
    public static bool IsRefusal(int status) => status is 429 or 503 or 529;

    public void Add(in Call call, int status, int bytes, long latency, long sinceSent, long toldMs)
    {
        All.Add(latency);
        _byStatus[Math.Clamp(status, 0, 599)]++;
        Bytes += bytes;
        if (status == 200)
        {
            Served.Add(latency);
            BackServed += call.IsBack ? 1 : 0;
        }
        else if (IsRefusal(status))
        {
            Refused.Add(sinceSent);
            BackRefused += call.IsBack ? 1 : 0;
            if (toldMs > 0)
            {
                Told.Add(toldMs * 1_000_000);
            }
        }
    }

    public void Reset()
    {
        All.Reset();
        Served.Reset();
        Refused.Reset();
        Told.Reset();
        Array.Clear(_byStatus);
        (Bytes, BackServed, BackRefused) = (0, 0, 0);
    }

    public LoadResult Result(double seconds)
    {
        var statuses = new Dictionary<int, long>();
        for (var i = 0; i < _byStatus.Length; i++)
        {
            if (_byStatus[i] > 0)
            {
                statuses[i] = _byStatus[i];
            }
        }

        return new LoadResult(All.Count / seconds, All.Percentile(0.5) / 1e3, All.Percentile(0.99) / 1e3, All.Max / 1e3, All.Count, Bytes, statuses);
    }
}
