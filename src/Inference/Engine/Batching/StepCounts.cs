namespace Jesus.Inference.Engine.Batching;

/// <summary>What an engine did since it began, for metrics.</summary>
/// <param name="TokensDrawn">Tokens of answers.</param>
/// <param name="TokensRead">Rows of prompts that were computed, again after giving way included.</param>
/// <param name="TokensReused">Prompt tokens whose keys and values were found in the cache.</param>
/// <param name="Evictions">KV blocks whose remembered content was given up for another's.</param>
/// <param name="Preemptions">How often an answer gave its blocks back and was computed again.</param>
/// <param name="DraftsComputed">Guessed tokens that passes computed.</param>
/// <param name="DraftsAccepted">Guessed tokens that were the drawn ones.</param>
public readonly record struct StepCounts(
    long TokensDrawn, long TokensRead, long TokensReused, long Evictions, long Preemptions, long DraftsComputed, long DraftsAccepted);
