namespace Jesus.Appliance.Responses;

/// <summary>Configuration section <c>responses</c>: the answers of OpenAI's Responses API that are kept, and those made in the background.</summary>
public sealed record ResponseOptions
{
    /// <summary>Days for which a kept response can be read and continued. 30, as OpenAI keeps them: a conversation that rested longer is begun anew. 1 to 3,650.</summary>
    public int RetentionDays { get; init; } = 30;

    /// <summary>
    /// Responses kept for everybody together; the oldest make room. 100,000: their index takes 30 MB of memory, and at the usual 10 KB each they are 1 GB on disk.
    /// </summary>
    public int KeptMax { get; init; } = 100_000;

    /// <summary>
    /// Responses kept for one principal; its oldest make room, so that nobody's traffic pushes out what others keep. 20,000: one call every two minutes for a
    /// month.
    /// </summary>
    public int KeptPerPrincipalMax { get; init; } = 20_000;

    /// <summary>Responses being made in the background at a time, beyond which more are refused. 64: each holds its request, at most 16 MiB, and its events in memory.</summary>
    public int BackgroundMax { get; init; } = 64;
}
