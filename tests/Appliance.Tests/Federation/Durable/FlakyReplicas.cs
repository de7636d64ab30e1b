using System.Collections.Concurrent;
using Jesus.Appliance.Federation.Durable;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>
/// What a cluster keeps, in memory, behind a link that loses: a request may not arrive, or be done without its answer coming back, or come a second time much later. The
/// store itself is as strict as JetStream's. Thread-safe.
/// </summary>
internal sealed class FlakyReplicas : IRunReplicas
{
    private readonly Lock _gate = new();
#pragma warning disable RS0030 // The seed is the argument.
    private readonly Random _dice;
#pragma warning restore RS0030
    private readonly Dictionary<string, (byte[] Value, ulong Revision)> _records = [];
    private readonly Dictionary<string, byte[]> _parts = [];
    private readonly ConcurrentDictionary<string, byte[]> _blobs = new();
    private readonly List<Action> _late = [];
    private ulong _revision;

    public FlakyReplicas(int seed)
    {
#pragma warning disable RS0030
        _dice = new Random(seed);
#pragma warning restore RS0030
    }

    /// <summary>Of 100 requests so many are lost, one way or the other.</summary>
    public int Lost { get; set; } = 30;
    public int Requests { get; private set; }

    public ValueTask<ReplicaAnswer<ulong>> WriteAsync(string runId, ReadOnlyMemory<byte> record, ulong expected, CancellationToken cancel)
    {
        var bytes = record.ToArray();
        return Over(() =>
        {
            if (_records.GetValueOrDefault(runId).Revision != expected)
            {
                return ReplicaAnswer<ulong>.Not(ReplicaStatus.Conflict, "another revision");
            }

            _records[runId] = (bytes, ++_revision);
            return ReplicaAnswer<ulong>.Of(_revision);
        });
    }

    public ValueTask<ReplicaAnswer<StoredRecord>> ReadAsync(string runId, CancellationToken cancel) => Over(() =>
        _records.TryGetValue(runId, out var found)
            ? ReplicaAnswer<StoredRecord>.Of(new StoredRecord(found.Value, found.Revision))
            : ReplicaAnswer<StoredRecord>.Not(ReplicaStatus.Missing, "no record"));

    public ValueTask<ReplicaAnswer<bool>> PutPartAsync(string runId, long epoch, int part, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        var (key, copy) = ($"{runId}.{epoch}.{part}", bytes.ToArray());
        return Over(() => _parts.TryAdd(key, copy) || _parts[key].AsSpan().SequenceEqual(copy)
            ? ReplicaAnswer<bool>.Of(true)
            : ReplicaAnswer<bool>.Not(ReplicaStatus.Conflict, "other bytes"));
    }

    public ValueTask<ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>> ReadPartsAsync(string runId, IReadOnlyList<TermParts> parts, int skip, CancellationToken cancel) => Over(() =>
        ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>.Of(
            [.. parts.SelectMany(term => Enumerable.Range(0, term.Count).Select(part => (ReadOnlyMemory<byte>)_parts[$"{runId}.{term.Epoch}.{part}"])).Skip(skip)]));

    public ValueTask<ReplicaAnswer<bool>> PutBlobAsync(string sha256, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        var copy = bytes.ToArray();
        return Over(() =>
        {
            _blobs[sha256] = copy;
            return ReplicaAnswer<bool>.Of(true);
        });
    }

    public ValueTask<ReplicaAnswer<byte[]>> ReadBlobAsync(string sha256, CancellationToken cancel) => Over(() =>
        _blobs.TryGetValue(sha256, out var bytes) ? ReplicaAnswer<byte[]>.Of(bytes) : ReplicaAnswer<byte[]>.Not(ReplicaStatus.Missing, "no object"));

    public ValueTask<ReplicaAnswer<bool>> OrderAsync(string runId, string orderId, ReadOnlyMemory<byte> order, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask DropOrderAsync(string runId, string orderId, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<string> WatchAsync(Action<ReplicaSight> saw, Action sawAll, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<ReplicaAnswer<bool>> SubmitAsync(string runId, ReadOnlyMemory<byte> body, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<ReplicaAnswer<IRunOffer>> TakeAsync(CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<ReplicaAnswer<bool>> OpenAsync(CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask ForgetAsync(string runId, CancellationToken cancel) => throw new NotSupportedException();

    private async ValueTask<ReplicaAnswer<T>> Over<T>(Func<ReplicaAnswer<T>> atStore)
    {
        await Task.Yield();
        lock (_gate)
        {
            Requests++;
            if (_late.Count > 0 && _dice.Next(4) == 0)
            {
                var late = _late[_dice.Next(_late.Count)];
                _ = _late.Remove(late);
                late();
            }

            if (_dice.Next(100) >= Lost)
            {
                return atStore();
            }

            switch (_dice.Next(3))
            {
                case 0:
                    _ = atStore(); // done, and the answer is lost
                    break;
                case 1:
                    _late.Add(() => _ = atStore());
                    break;
            }

            return ReplicaAnswer<T>.Not(ReplicaStatus.Unknown, "lost");
        }
    }
}
