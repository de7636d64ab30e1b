namespace Jesus.Inference.Contract;

/// <summary>Which kind of adapter and which configured instance: <c>local</c>, or <c>openai-compatible</c> under the provider's name.</summary>
public readonly record struct AdapterId(string Kind, string Provider);

/// <summary>A model as one adapter knows it.</summary>
public readonly record struct ModelKey(string Name);

/// <summary>What a candidate can take now. Never blocks to find out; <see cref="AsOf"/> tells how old it is.</summary>
public readonly record struct CapacitySnapshot
{
    /// <summary>The model exists there and can be called.</summary>
    public bool Available { get; init; }

    /// <summary>Calls that could start at once; <see cref="int.MaxValue"/> when the candidate sets no limit.</summary>
    public int FreeSlots { get; init; }
    public int TotalSlots { get; init; }

    /// <summary>Calls under way or waiting there, from every caller, where the server says so; -1 when unknown.</summary>
    public int InProgress { get; init; }

    /// <summary>Expected wait of a new call.</summary>
    public TimeSpan QueueDelay { get; init; }

    /// <summary>
    /// Tokens of prompts and answers that there is memory for beside what is under way: a longer call waits until others give theirs back. 0 when unknown: where there is no
    /// memory left it is 1, which no call fits.
    /// </summary>
    public int FreeTokens { get; init; }

    /// <summary>0 when unknown.</summary>
    public int ContextTokens { get; init; }

    /// <summary>
    /// The arithmetic that the model computes with there, now or once it is loaded: a candidate with an equal one can go on with the other's answer. Unknown for
    /// providers, and for a model whose file was never hashed.
    /// </summary>
    public NumericsProfile Numerics { get; init; }

    /// <summary>Digests of the beginnings of prompts that need not be read again there, those used last first; as they were named to the adapter.</summary>
    public ReadOnlyMemory<ulong> WarmPrefixes { get; init; }

    /// <summary>Monotonic timestamp of the observation.</summary>
    public long AsOf { get; init; }
}

/// <summary>
/// Wraps one provider's API. Every expected failure is a <see cref="ModelError"/> in the result: an exception from
/// <see cref="CallAsync"/> means a broken invariant (cancellation included: it is reported as <see cref="ErrorCause.Cancelled"/> with what was used).
/// </summary>
public interface IModelAdapter
{
    AdapterId Id { get; }

    CapacitySnapshot Capacity(ModelKey model);

    /// <summary>A caller's body of this shape can be sent on as it is, and the answer comes back as <see cref="EventKind.Wire"/> events.</summary>
    bool Forwards(ApiShape shape);

    /// <summary>Input tokens of the request for this model, exact where the tokenizer is known, otherwise a bound that is never too low.</summary>
    int CountInputTokens(ModelRequest request);

    ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel);
}
