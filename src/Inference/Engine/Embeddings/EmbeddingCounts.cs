namespace Jesus.Inference.Engine.Embeddings;

/// <summary>What an engine embedded and ranked since it began, and has under way.</summary>
/// <param name="Texts">Texts and pairs that are done.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="CallsUnderWay">Calls whose texts are computed or wait.</param>
public readonly record struct EmbeddingCounts(long Texts, long Tokens, int CallsUnderWay);
