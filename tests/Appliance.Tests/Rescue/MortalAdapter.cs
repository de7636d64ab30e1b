using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>An adapter that dies after some pieces of its answers: it stops in the middle and says why, or what it throws.</summary>
internal sealed class MortalAdapter(string provider, IModelAdapter inner, string kind = "local") : IModelAdapter
{
    private readonly Lock _gate = new();
    private readonly Queue<int> _lives = new();

    /// <summary>Tests' routes name one provider an adapter. <c>local</c> is no other box: its tokens are counted exactly.</summary>
    public AdapterId Id { get; } = new(kind, provider);

    public ErrorCause Cause { get; set; } = ErrorCause.Cut;

    /// <summary>Says what was used, as an engine that fails does; a peer that is gone says nothing.</summary>
    public bool StatesUsage { get; set; } = true;
    public bool Throws { get; set; }
    public bool HidesNumerics { get; set; }
    public bool HidesIds { get; set; }

    /// <summary>How long it takes to begin.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Requests seen: tokens that they went on after.</summary>
    public List<int> Shown { get; } = [];

    /// <summary>Pieces of what was said, whoever got them.</summary>
    public int Pieces { get; private set; }

    /// <summary>Its next answers end after so many pieces; -1 for one that does not.</summary>
    public void Die(params int[] after)
    {
        lock (_gate)
        {
            _lives.Clear();
            Shown.Clear();
            Array.ForEach(after, _lives.Enqueue);
        }
    }

    public CapacitySnapshot Capacity(ModelKey model) => HidesNumerics ? inner.Capacity(model) with { Numerics = default } : inner.Capacity(model);

    public bool Forwards(ApiShape shape) => false;

    public int CountInputTokens(ModelRequest request) => inner.CountInputTokens(request);

    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        int left;
        lock (_gate)
        {
            Shown.Add(request.ShownTokens.Length);
            left = _lives.TryDequeue(out var life) ? life : -1;
        }

        await Task.Delay(Delay, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var death = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var mortal = new MortalSink(sink, left, death, HidesIds);
        var result = await inner.CallAsync(request, mortal, death.Token);
        Pieces = mortal.Pieces;
        result = HidesNumerics ? result with { Numerics = default } : result;
        if (!mortal.IsDead)
        {
            return result;
        }

        if (Throws)
        {
            throw new InvalidOperationException("dead");
        }

        return result with
        {
            Error = new ModelError(Cause, "it is gone"),
            Reason = FinishReason.Error,
            Usage = StatesUsage ? result.Usage : default,
            Quality = StatesUsage ? UsageQuality.Exact : UsageQuality.Estimated,
        };
    }

    private sealed class MortalSink(IAnswerSink inner, int left, CancellationTokenSource death, bool hidesIds) : IAnswerSink
    {
        private int _left = left;

        public bool IsDead { get; private set; }
        public int Pieces { get; private set; }

        public ValueTask WriteAsync(ModelEvent item)
        {
            if (item.Kind != EventKind.Started && _left-- == 0)
            {
                IsDead = true;
                death.Cancel();
            }

            Pieces += IsDead || item.Kind is EventKind.Started or EventKind.Finished ? 0 : 1;
            return IsDead ? ValueTask.CompletedTask : inner.WriteAsync(hidesIds ? item with { Tokens = default } : item);
        }
    }
}
