namespace Jesus.Inference.Engine.Batching;

/// <summary>How much one forward pass takes on, and how many answers are in progress.</summary>
public sealed record BatchLimits
{
    /// <summary>Rows (tokens) of one forward pass, and so its working memory: past about 256 rows the matrix kernels gain nothing more.</summary>
    public int StepRowsMax { get; init; } = 256;

    /// <summary>Prompt rows at most in a pass that also decodes; <see cref="StallMs"/> usually leaves fewer.</summary>
    public int PrefillRowsBesideDecode { get; init; } = 256;

    /// <summary>
    /// How long a pass that reads prompts may take while answers wait for it; the rows that this leaves follow from what passes took. A running answer must never stall
    /// for more than 300 ms, and a character of several tokens shows only with its last: a third of it a pass leaves room for three.
    /// </summary>
    public int StallMs { get; init; } = 100;

    /// <summary>Prompt rows beside answers while no speed is known: two blocks, which even 100 rows a second read in time.</summary>
    public const int PrefillRowsAtFirst = 32;

    /// <summary>
    /// Answers in progress at once: each holds scratch, and logits of 4 bytes times the vocabulary. Beyond 16 two cores gain little throughput, but each answer that
    /// need not wait for a place has its first token sooner.
    /// </summary>
    public int SequencesMax { get; init; } = 32;

    /// <summary>Whether answers may be guessed ahead where measured speeds say that it wins; the answers are the same.</summary>
    public bool Speculates { get; init; } = true;

    /// <summary>Finished prompts' keys and values stay for others until their blocks are needed. Off only to measure what that is worth.</summary>
    public bool SharesPrefixes { get; init; } = true;

    /// <summary>
    /// Requests that wait for a place. At a second an answer the last of 64 on 16 places waits some four seconds; more is better refused, so that another
    /// candidate can take it.
    /// </summary>
    public int WaitingMax { get; init; } = 64;

    /// <summary>Seconds without anything to show after which an answer's reader is told that it is being worked on: far below any limit on silence.</summary>
    public const int WorkToldSeconds = 1;

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
