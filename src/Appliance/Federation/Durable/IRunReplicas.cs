namespace Jesus.Appliance.Federation.Durable;

/// <summary>How an access to what the cluster keeps ended.</summary>
internal enum ReplicaStatus : byte
{
    Done,

    /// <summary>The record is not (or no longer) as expected: nothing was written now.</summary>
    Conflict,

    /// <summary>There is none.</summary>
    Missing,

    /// <summary>No answer: what was to be written may or may not have been.</summary>
    Unknown,

    /// <summary>It was not done, and the text says why.</summary>
    Refused,
}

/// <param name="Text">Why, for a person; empty when done.</param>
internal readonly record struct ReplicaAnswer<T>(ReplicaStatus Status, T? Value, string Text)
{
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(true, nameof(Value))]
    public bool IsDone => Status == ReplicaStatus.Done;

    public static ReplicaAnswer<T> Of(T value) => new(ReplicaStatus.Done, value, "");

    public static ReplicaAnswer<T> Not(ReplicaStatus status, string text) => new(status, default, text);
}

/// <summary>A run's record as it lies there.</summary>
internal readonly record struct StoredRecord(ReadOnlyMemory<byte> Value, ulong Revision);

/// <summary>A record that was written or was there, or an order.</summary>
/// <param name="OrderId">Empty for a record.</param>
internal readonly record struct ReplicaSight(string RunId, string OrderId, ReadOnlyMemory<byte> Value, ulong Revision);

/// <summary>A submission taken from the queue, to be answered once.</summary>
internal interface IRunOffer : IAsyncDisposable
{
    ReadOnlyMemory<byte> Body { get; }

    /// <summary>The box that submitted it, as the server enforced it.</summary>
    string Origin { get; }

    /// <summary>The how-manyeth time it is offered, from 1.</summary>
    int Offered { get; }

    /// <summary>Done with it for good.</summary>
    ValueTask AcceptAsync();

    /// <summary>Offered again after a while, to whichever box asks.</summary>
    ValueTask DeclineAsync(TimeSpan delay);
}

/// <summary>
/// What a cluster keeps of runs that run anywhere: a record, a log and payloads of each, orders to their owners, and the queue of submissions. Over NATS in the daemon
/// and simulated in tests, which lose, delay and repeat what they like. Nothing throws for what a network may do. Thread-safe.
/// </summary>
internal interface IRunReplicas
{
    /// <summary>Compare and set.</summary>
    /// <param name="expected">Revision of the record now; 0 where there must be none.</param>
    /// <returns>Its revision.</returns>
    ValueTask<ReplicaAnswer<ulong>> WriteAsync(string runId, ReadOnlyMemory<byte> record, ulong expected, CancellationToken cancel);

    ValueTask<ReplicaAnswer<StoredRecord>> ReadAsync(string runId, CancellationToken cancel);

    /// <summary>Stores a part of a log: once for all, the same bytes any number of times. <see cref="ReplicaStatus.Conflict"/> where other bytes are there.</summary>
    ValueTask<ReplicaAnswer<bool>> PutPartAsync(string runId, long epoch, int part, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>The parts of a log that a record counts, in order, without the first <paramref name="skip"/>.</summary>
    ValueTask<ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>> ReadPartsAsync(string runId, IReadOnlyList<TermParts> parts, int skip, CancellationToken cancel);

    ValueTask<ReplicaAnswer<bool>> PutBlobAsync(string sha256, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    ValueTask<ReplicaAnswer<byte[]>> ReadBlobAsync(string sha256, CancellationToken cancel);

    /// <summary>Leaves an order for whichever box owns the run.</summary>
    ValueTask<ReplicaAnswer<bool>> OrderAsync(string runId, string orderId, ReadOnlyMemory<byte> order, CancellationToken cancel);

    /// <summary>The order was carried out.</summary>
    ValueTask DropOrderAsync(string runId, string orderId, CancellationToken cancel);

    /// <summary>Tells every record and order that is there, then that these were all, then each that is written. Completes when it cannot go on.</summary>
    /// <returns>Why.</returns>
    ValueTask<string> WatchAsync(Action<ReplicaSight> saw, Action sawAll, CancellationToken cancel);

    /// <summary>Puts a submission into the queue; stored when this is done, once however often it is sent.</summary>
    ValueTask<ReplicaAnswer<bool>> SubmitAsync(string runId, ReadOnlyMemory<byte> body, CancellationToken cancel);

    /// <summary>The next submission, waited for as long as it takes.</summary>
    ValueTask<ReplicaAnswer<IRunOffer>> TakeAsync(CancellationToken cancel);

    /// <summary>Makes what is missing at the servers: buckets, queue.</summary>
    ValueTask<ReplicaAnswer<bool>> OpenAsync(CancellationToken cancel);

    /// <summary>Removes all that is kept of a run but its payloads, which go by their age.</summary>
    ValueTask ForgetAsync(string runId, CancellationToken cancel);
}
