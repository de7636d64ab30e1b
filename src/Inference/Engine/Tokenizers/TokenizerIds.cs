namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>The tokens with a role of their own; -1 where the model has none.</summary>
public sealed record TokenizerIds
{
    public int Begin { get; init; } = -1;
    public int End { get; init; } = -1;
    public int Unknown { get; init; } = -1;

    /// <summary>What a text to be embedded ends with (BERT's separator, T5's end of text).</summary>
    public int Closing { get; init; } = -1;

    /// <summary>How often <see cref="Closing"/> stands between the two texts of a pair: once (BERT), or twice (RoBERTa and its kin).</summary>
    public int ClosingsBetween { get; init; } = 2;

    /// <summary>A prompt begins with <see cref="Begin"/>.</summary>
    public bool AddBegin { get; init; }

    /// <summary>A space is put before a text (SentencePiece).</summary>
    public bool SpacePrefix { get; init; }

    /// <summary>Every token after which nothing more is generated.</summary>
    public IReadOnlyList<int> EndsGeneration { get; init; } = [];
}
