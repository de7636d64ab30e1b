using System.Buffers.Text;

namespace Jesus.Bench.Load;

/// <summary>
/// One kind of request in a load: whom it asks, what, and how often. Eight digits after a <c>#</c> in a request are replaced by the call's number, so that each call is a question
/// of its own.
/// </summary>
/// <param name="port">Whom it asks.</param>
/// <param name="requests">Sent in turn, each from the key in its head.</param>
/// <param name="connections">How many calls may be under way; an open loop needs so many that none ever waits for one.</param>
/// <param name="perSecond">Requests a second by schedule; 0 is a closed loop.</param>
/// <param name="obeys">Who is refused comes back when it was told, once for each refusal.</param>
internal sealed class LoadSource(int port, IReadOnlyList<byte[]> requests, int connections, double perSecond = 0, bool obeys = false)
{
    private readonly int[] _numberAt = [.. requests.Select(request => request.AsSpan().IndexOf((byte)'#'))];
    private readonly Queue<Call> _due = new(1 << 16);
    private readonly PriorityQueue<Call, long> _back = new(1 << 16);
    private readonly double _gap = perSecond > 0 ? 1e9 / perSecond : 0;
    private long _scheduled;

    public int Port => port;
    public int Connections => connections;
    public bool IsOpen => perSecond > 0;
    public bool HasDue => _due.Count > 0;

    /// <summary>Sockets that nobody uses.</summary>
    public Stack<int> Free { get; } = new(1024);
    public LoadTally Tally { get; } = new();

    /// <summary>The next call of a closed loop.</summary>
    public Call Next(long now) => new(_scheduled++, now, IsBack: false);

    public Call TakeDue() => _due.Dequeue();

    /// <summary>Puts into the line what is due by now.</summary>
    /// <returns>Nanoseconds until the next is.</returns>
    public long Schedule(long start, long now)
    {
        while (start + (long)(_scheduled * _gap) <= now)
        {
            _due.Enqueue(new Call(_scheduled, start + (long)(_scheduled * _gap), IsBack: false));
            _scheduled++;
        }

        while (_back.TryPeek(out var call, out var at) && at <= now)
        {
            _ = _back.Dequeue();
            _due.Enqueue(call with { Intended = at });
        }

        var next = start + (long)(_scheduled * _gap);
        return Math.Max(0, (_back.TryPeek(out _, out var back) ? Math.Min(next, back) : next) - now);
    }

    public ReadOnlySpan<byte> RequestOf(in Call call)
    {
        var which = (int)(call.Number % requests.Count);
        var request = requests[which];
        if (_numberAt[which] >= 0)
        {
            _ = Utf8Formatter.TryFormat(call.Number % 100_000_000, request.AsSpan(_numberAt[which] + 1), out _, new('D', 8));
        }

        return request;
    }

    public void Answered(in Call call, int status, int bytes, long sent, long now, long toldMs)
    {
        Tally.Add(call, status, bytes, now - call.Intended, now - sent, toldMs);
        if (obeys && LoadTally.IsRefusal(status) && toldMs > 0)
        {
            _back.Enqueue(call with { IsBack = true }, now + (toldMs * 1_000_000));
        }
    }
}

/// <param name="Number">Of its source.</param>
/// <param name="Intended">When it was due, in nanoseconds.</param>
/// <param name="IsBack">It was refused before, and comes as told.</param>
internal readonly record struct Call(long Number, long Intended, bool IsBack);
