using Jesus.Inference.Contract;

namespace Jesus.Bench.Peers;

/// <summary>
/// A box's engine whose answers each stop after some pieces and wait for the end of the box: whenever that comes, every answer is in its middle.
/// </summary>
internal sealed class WaitingAdapter(IModelAdapter inner) : IModelAdapter
{
    private int _waiting;

    public AdapterId Id => inner.Id;

    /// <summary>Pieces after which an answer waits, by the request's seed; null for a box whose answers do not.</summary>
    public Func<ulong, int>? WaitsAfter { get; set; }

    /// <summary>Answers that wait now or did.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public CapacitySnapshot Capacity(ModelKey model) => inner.Capacity(model);

    public bool Forwards(ApiShape shape) => inner.Forwards(shape);

    public int CountInputTokens(ModelRequest request) => inner.CountInputTokens(request);

    public ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel) =>
        inner.CallAsync(request, WaitsAfter is { } after ? new WaitingSink(this, sink, after(request.Sampling.Seed ?? 0), cancel) : sink, cancel);

    private sealed class WaitingSink(WaitingAdapter owner, IAnswerSink inner, int pieces, CancellationToken cancel) : IAnswerSink
    {
        private int _left = pieces;

        public async ValueTask WriteAsync(ModelEvent item)
        {
            if (item.Kind != EventKind.Started && _left-- == 0)
            {
                Interlocked.Increment(ref owner._waiting);
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (_left >= 0)
            {
                await inner.WriteAsync(item);
            }
        }
    }
}
