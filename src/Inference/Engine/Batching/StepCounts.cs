namespace Jesus.Inference.Engine.Batching;

/// <summary>Guessed tokens.</summary>
/// <param name="Computed">Those that passes computed.</param>
/// <param name="Accepted">Those that were the drawn ones.</param>
public readonly record struct DraftCounts(long Computed, long Accepted)
{
    internal DraftCounts Plus(int computed, int accepted) => new(Computed + computed, Accepted + accepted);
}

/// <summary>What an engine did since it began, for metrics.</summary>
/// <param name="TokensDrawn">Tokens of answers.</param>
/// <param name="TokensRead">Rows of prompts that were computed, again after giving way included.</param>
/// <param name="TokensReused">Prompt tokens whose keys and values were found in the cache.</param>
/// <param name="Evictions">KV blocks whose remembered content was given up for another's.</param>
/// <param name="Preemptions">How often an answer gave its blocks back and was computed again.</param>
/// <param name="Lookup">Tokens guessed from what the text repeats.</param>
/// <param name="Model">Tokens guessed by the draft model.</param>
public readonly record struct StepCounts(
    long TokensDrawn, long TokensRead, long TokensReused, long Evictions, long Preemptions, DraftCounts Lookup, DraftCounts Model)
{
    public long DraftsComputed => Lookup.Computed + Model.Computed;
    public long DraftsAccepted => Lookup.Accepted + Model.Accepted;
}
