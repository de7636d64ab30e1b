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

    /// <summary>Choice <see cref="ModelEvent.Choice"/> is complete, for <see cref="ModelEvent.Reason"/>.</summary>
    Finished,
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
}

/// <summary>Token ids and their log probabilities, when the adapter knows them.</summary>
public readonly record struct TokenSpan(ReadOnlyMemory<int> Ids, ReadOnlyMemory<float> LogProbs);

/// <summary>One event of an answer. The memory is valid until the sink's <see cref="IAnswerSink.WriteAsync"/> has completed.</summary>
public readonly record struct ModelEvent
{
    public EventKind Kind { get; init; }
    public int Choice { get; init; }

    /// <summary>Which tool call of the choice, from 0.</summary>
    public int Index { get; init; }

    /// <summary>Whole UTF-8 characters: an adapter holds back an incomplete tail.</summary>
    public ReadOnlyMemory<byte> Utf8 { get; init; }
    public ReadOnlyMemory<byte> ToolCallId { get; init; }
    public TokenSpan Tokens { get; init; }
    public FinishReason Reason { get; init; }
}
