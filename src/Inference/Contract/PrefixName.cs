namespace Jesus.Inference.Contract;

/// <summary>A name that others know a prompt's beginning by, since they may not have its tokenizer.</summary>
/// <param name="Digest">Of the beginning's text.</param>
/// <param name="Share">How much of the prompt it is, 0 to 1.</param>
public readonly record struct PrefixName(ulong Digest, double Share);
