namespace Jesus.Inference.Engine.Embeddings;

/// <summary>What a model can be asked for.</summary>
[Flags]
public enum ModelUses : byte
{
    None = 0,

    /// <summary>Writes text.</summary>
    Generate = 1,

    /// <summary>Makes vectors of texts.</summary>
    Embed = 2,

    /// <summary>Scores documents against a query.</summary>
    Rerank = 4,
}
