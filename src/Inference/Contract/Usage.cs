namespace Jesus.Inference.Contract;

/// <summary>
/// What a call used. <see cref="CachedInputTokens"/> and <see cref="CacheWriteTokens"/> are part of <see cref="InputTokens"/>, <see cref="ReasoningTokens"/> of
/// <see cref="OutputTokens"/>.
/// </summary>
public readonly record struct Usage
{
    public int InputTokens { get; init; }
    public int CachedInputTokens { get; init; }

    /// <summary>Part of <see cref="InputTokens"/>: written into the provider's prompt cache, which costs more than reading.</summary>
    public int CacheWriteTokens { get; init; }

    /// <summary>Part of <see cref="CacheWriteTokens"/>: written for longer than the provider's usual time (Anthropic's hour), which costs more again.</summary>
    public int LongCacheWriteTokens { get; init; }
    public int OutputTokens { get; init; }
    public int ReasoningTokens { get; init; }
    public int Images { get; init; }

    /// <summary>CPU or GPU time of the local engine, in microseconds.</summary>
    public long ComputeMicroseconds { get; init; }

    public static Usage operator +(Usage a, Usage b) => new()
    {
        InputTokens = a.InputTokens + b.InputTokens,
        CachedInputTokens = a.CachedInputTokens + b.CachedInputTokens,
        CacheWriteTokens = a.CacheWriteTokens + b.CacheWriteTokens,
        LongCacheWriteTokens = a.LongCacheWriteTokens + b.LongCacheWriteTokens,
        OutputTokens = a.OutputTokens + b.OutputTokens,
        ReasoningTokens = a.ReasoningTokens + b.ReasoningTokens,
        Images = a.Images + b.Images,
        ComputeMicroseconds = a.ComputeMicroseconds + b.ComputeMicroseconds,
    };

    public static Usage operator -(Usage a, Usage b) => new()
    {
        InputTokens = a.InputTokens - b.InputTokens,
        CachedInputTokens = a.CachedInputTokens - b.CachedInputTokens,
        CacheWriteTokens = a.CacheWriteTokens - b.CacheWriteTokens,
        LongCacheWriteTokens = a.LongCacheWriteTokens - b.LongCacheWriteTokens,
        OutputTokens = a.OutputTokens - b.OutputTokens,
        ReasoningTokens = a.ReasoningTokens - b.ReasoningTokens,
        Images = a.Images - b.Images,
        ComputeMicroseconds = a.ComputeMicroseconds - b.ComputeMicroseconds,
    };
}

public enum UsageQuality : byte
{
    /// <summary>Counted by the engine or stated by the provider.</summary>
    Exact,

    /// <summary>A bound: the provider never said.</summary>
    Estimated,
}
