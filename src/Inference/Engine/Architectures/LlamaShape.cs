namespace Jesus.Inference.Engine.Architectures;

/// <summary>Hyperparameters of a llama model. Counts, except where said.</summary>
public sealed record LlamaShape
{
    public required int Layers { get; init; }

    /// <summary>Dimensions of the residual stream.</summary>
    public required int Width { get; init; }
    public required int Heads { get; init; }

    /// <summary>Key and value heads; each serves Heads / KvHeads query heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Dimensions of one head.</summary>
    public required int HeadDim { get; init; }
    public required int Ffn { get; init; }
    public required int Vocabulary { get; init; }

    /// <summary>Positions the model was trained for: 0 to Context - 1.</summary>
    public required int Context { get; init; }

    /// <summary>Added under the root of the norm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Radians per position for each rotated pair of dimensions (2i, 2i + 1); dimensions past the pairs stay.</summary>
    public required double[] RopeFrequencies { get; init; }

    public int RopeDims => RopeFrequencies.Length * 2;
}
