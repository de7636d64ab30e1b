namespace Jesus.Inference.Engine.Batching;

/// <summary>How much one forward pass takes on, and how many answers are in progress.</summary>
public sealed record BatchLimits
{
    /// <summary>Rows (tokens) of one forward pass, and so its working memory: past about 256 rows the matrix kernels gain nothing more.</summary>
    public int StepRowsMax { get; init; } = 256;

    /// <summary>
    /// Prompt rows in a pass that also decodes. A running answer stalls for as long as they take: 128 rows at 450 rows/s (1.1B, two threads) are 280 ms.
    /// </summary>
    public int PrefillRowsBesideDecode { get; init; } = 128;

    /// <summary>Answers in progress at once: each holds KV blocks and scratch; beyond 16 two cores gain no throughput.</summary>
    public int SequencesMax { get; init; } = 16;

    /// <summary>
    /// Requests that wait for a place. At a second an answer the last of 64 on 16 places waits some four seconds; more is better refused, so that another
    /// candidate can take it.
    /// </summary>
    public int WaitingMax { get; init; } = 64;

    /// <summary>Answers to one prompt; each is a sequence of its own.</summary>
    public int ChoicesMax { get; init; } = 16;

    /// <summary>Stop strings of one request. OpenAI allows 4; every one is looked for after every token.</summary>
    public const int StopsMax = 16;

    /// <summary>Bytes of one stop string: as much text may be held back while it could still become one.</summary>
    public const int StopBytesMax = 256;

    /// <summary>Bytes and events of an answer that its reader has not taken. Past it the answer pauses until they are.</summary>
    public const int UnreadBytesMax = 64 * 1024;
    public const int UnreadEventsMax = 1024;
}
