namespace Jesus.Inference.Contract;

public enum EventKind : byte
{
    /// <summary>The candidate has accepted the call and begun.</summary>
    Started,
    Text,
    Reasoning,

    /// <summary><see cref="ModelEvent.Utf8"/> is the tool's name, <see cref="ModelEvent.ToolCallId"/> the call's id.</summary>
    ToolCallStart,

    /// <summary>The next piece of the arguments of tool call <see cref="ModelEvent.Index"/>.</summary>
    ToolCallArguments,

    /// <summary><see cref="ModelEvent.Utf8"/> is the provider's proof of the reasoning before it; handed back unread with the conversation.</summary>
    ReasoningSignature,

    /// <summary><see cref="ModelEvent.Utf8"/> is reasoning that only the provider can read.</summary>
    RedactedReasoning,

    /// <summary>The model declines; <see cref="ModelEvent.Utf8"/> is the next piece of its words (OpenAI's <c>refusal</c>).</summary>
    Refusal,

    /// <summary><see cref="ModelEvent.Vector"/> is the embedding of input <see cref="ModelEvent.Index"/>; for reranking, one score.</summary>
    Vector,

    /// <summary>
    /// The provider's own bytes, for a caller that speaks its API: see <see cref="ModelEvent.Wire"/>. The events read from them follow, each marked
    /// <see cref="ModelEvent.InWire"/>; a sink uses the one or the others.
    /// </summary>
    Wire,

    /// <summary>Choice <see cref="ModelEvent.Choice"/> is complete, for <see cref="ModelEvent.Reason"/>.</summary>
    Finished,

    /// <summary>Nothing to show: the candidate works on it, or keeps its place, and will go on. Told while nothing else is, so that it is not taken for lost.</summary>
    Working,
}

public enum FinishReason : byte
{
    None,
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
    Cancelled,
    Error,

    /// <summary>One of the request's stop texts; the <see cref="EventKind.Finished"/> event's <see cref="ModelEvent.Utf8"/> says which, where known.</summary>
    StopSequence,

    /// <summary>The model declined to answer.</summary>
    Refusal,

    /// <summary>The provider paused a long turn; the caller sends the conversation back to go on (Anthropic's <c>pause_turn</c>).</summary>
    Pause,
}

/// <summary>Where in an answer a piece of the provider's own bytes stands.</summary>
public enum WirePart : byte
{
    None,

    /// <summary>Before any content: shows nothing yet, so another candidate may still answer.</summary>
    Prelude,
    Content,

    /// <summary>The end of a choice or of the answer, or what follows it.</summary>
    Terminal,
}

/// <summary>One token of an answer with its log probability.</summary>
/// <param name="Text">The token's bytes; maybe no whole character.</param>
/// <param name="LogProb">Natural logarithm.</param>
/// <param name="Alternatives">How many of the entries that follow in the list are this token's alternatives, likeliest first.</param>
public readonly record struct TokenLogProb(ReadOnlyMemory<byte> Text, float LogProb, int Alternatives = 0);

/// <summary>Tokens behind a piece of an answer, when the adapter knows them.</summary>
/// <param name="Ids">
/// The tokens taken since the last event that had any. An answer that is begun again after all ids so far (<see cref="ModelRequest.ShownTokens"/>) goes on with
/// the event after this one. An event in the middle of what one token says, and what is let go of at the end, have none: their tokens stand in a later event.
/// </param>
/// <param name="LogProbs">Of the tokens that the piece stands for; as many as ids but for the last piece of an answer.</param>
public readonly record struct TokenSpan(ReadOnlyMemory<int> Ids, ReadOnlyMemory<float> LogProbs);

/// <summary>One event of an answer. The memory is valid until the sink's <see cref="IAnswerSink.WriteAsync"/> has completed.</summary>
public readonly record struct ModelEvent
{
    public EventKind Kind { get; init; }
    public int Choice { get; init; }

    /// <summary>
    /// Which tool call of the choice, from 0. Of <see cref="EventKind.Started"/>: the prompt's tokens, cached ones included, where the adapter has counted them
    /// exactly; else 0.
    /// </summary>
    public int Index { get; init; }

    /// <summary>Of <see cref="EventKind.Started"/>: those of the prompt's tokens that a prompt cache had, as far as is known then; part of <see cref="Index"/>.</summary>
    public int CachedTokens { get; init; }

    /// <summary>Of <see cref="EventKind.Started"/>: those that a provider writes into its prompt cache; part of <see cref="Index"/>.</summary>
    public int CacheWriteTokens { get; init; }

    /// <summary>Whole UTF-8 characters: an adapter holds back an incomplete tail.</summary>
    public ReadOnlyMemory<byte> Utf8 { get; init; }
    public ReadOnlyMemory<byte> ToolCallId { get; init; }
    public TokenSpan Tokens { get; init; }

    /// <summary>The tokens of this piece with their alternatives, where they were asked for and the adapter knows them.</summary>
    public ReadOnlyMemory<TokenLogProb> LogProbs { get; init; }
    public ReadOnlyMemory<float> Vector { get; init; }
    public FinishReason Reason { get; init; }

    /// <summary>For <see cref="EventKind.Wire"/>: where <see cref="Utf8"/>, one event's data or the whole JSON body in the shape <see cref="Shape"/>, stands.</summary>
    public WirePart Wire { get; init; }
    public ApiShape Shape { get; init; }

    /// <summary>The bytes of the <see cref="EventKind.Wire"/> event before say this too.</summary>
    public bool InWire { get; init; }

    /// <summary>Of <see cref="EventKind.Started"/>: what it says of the prompt.</summary>
    public Usage ToPrompt() => new() { InputTokens = Index, CachedInputTokens = CachedTokens, CacheWriteTokens = CacheWriteTokens };
}
