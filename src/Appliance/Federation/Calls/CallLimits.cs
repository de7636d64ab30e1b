namespace Jesus.Appliance.Federation.Calls;

/// <summary>What calls between boxes may take of each: every number that bounds a wait, a buffer or a rate, with its reason.</summary>
public sealed record CallLimits
{
    public static CallLimits Default { get; } = new();

    /// <summary>How often the calls under way are looked at: half of the smallest interval below.</summary>
    public int LookMs { get; init; } = 250;

    /// <summary>A box that was asked says within so many milliseconds whether it takes the call; one that does not is passed over.</summary>
    public int AcceptMs { get; init; } = 5_000;

    /// <summary>Both sides say so often that they are still there. The caller's word has a reply subject, so a callee that died is known by the server's answer at once.</summary>
    public int BeatMs { get; init; } = 500;

    /// <summary>A callee that is silent for so long while it owes something is lost.</summary>
    public int SilentMs { get; init; } = 5_000;

    /// <summary>
    /// For so long after its last event a callee's beats count as work on the answer, and first-token and stall limits wait for the last candidate that says so: 128,000 tokens of
    /// a prompt at 200 a second take 11 minutes. After that, beats only show that the box lives.
    /// </summary>
    public int WorkingMs { get; init; } = 900_000;

    /// <summary>A caller that is silent for so long has vanished: a server's reconnect usually takes less.</summary>
    public int VanishedMs { get; init; } = 10_000;

    /// <summary>Events that may be on their way: about a second of the fastest engine, and what a slow client makes this box hold.</summary>
    public int Window { get; init; } = 64;

    /// <summary>Calls of all peers under way here: many times what one box computes at once, the rest waits at the scheduler's doors.</summary>
    public int InboundMax { get; init; } = 512;

    /// <summary>Calls of one peer under way here.</summary>
    public int InboundPerCallerMax { get; init; } = 128;

    /// <summary>Calls a second of one peer, and at once.</summary>
    public double CallsPerSecond { get; init; } = 200;
    public double CallsBurst { get; init; } = 400;

    /// <summary>Callers that are remembered: as many as peers may be.</summary>
    public int CallersMax { get; init; } = 4_096;

    /// <summary>Bytes of a request that came in pieces: a long document with images.</summary>
    public int RequestBytesMax { get; init; } = 32 * 1024 * 1024;

    /// <summary>Of all requests that are coming in pieces.</summary>
    public long PiecesBytesMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>Requests of one peer that are coming in pieces, and how long one may take.</summary>
    public int PiecesPerCallerMax { get; init; } = 4;
    public int PiecesMs { get; init; } = 15_000;

    /// <summary>A call whose lane waits so long here and that could not start at once is refused as busy: interactive, agent, batch.</summary>
    public int BusyInteractiveMs { get; init; } = 2_000;
    public int BusyAgentMs { get; init; } = 30_000;
    public int BusyBatchMs { get; init; } = 300_000;

    /// <summary>Text of one event; longer ones go as several, well inside any server's max_payload.</summary>
    public int EventTextBytesMax { get; init; } = 128 * 1024;
}
