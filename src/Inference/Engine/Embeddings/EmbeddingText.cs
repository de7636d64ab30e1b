using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>One text in progress. Reused; belongs to the lane.</summary>
/// <param name="blocks">Its KV blocks; null for an encoder.</param>
#pragma warning disable CA1001 // Disposing a block table is returning its blocks, which End does.
internal sealed class EmbeddingText(BlockTable? blocks)
#pragma warning restore CA1001
{
    private EmbeddingCall? _call;

    public EmbeddingCall Call => _call ?? throw new InvalidOperationException("The text has not begun.");
    public int Index { get; private set; }
    public int Length { get; private set; }

    /// <summary>Rows computed, and those of the pass under way.</summary>
    public int Computed { get; set; }
    public int Planned { get; set; }

    /// <summary>Its place among the texts of the pass under way, where <see cref="Planned"/> is not 0.</summary>
    public int Share { get; set; }
    public int Pending => Length - Computed - Planned;
    public ReadOnlySpan<int> Blocks => blocks is null ? default : blocks.Blocks;
    public ReadOnlySpan<int> Tokens => Call.Tokens.Span.Slice(Call.Start(Index), Length);

    /// <summary>Blocks that it needs and has not rented.</summary>
    public int MissingBlocks => blocks?.Missing(Length) ?? 0;

    public void Begin(EmbeddingCall call, int index)
    {
        (_call, Index, Length) = (call, index, call.Length(index));
        (Computed, Planned) = (0, 0);
        blocks?.Begin(0);
    }

    /// <summary>All blocks at once: a text that has begun never waits for more, so that two cannot wait for each other.</summary>
    public bool TryReserve() => blocks is null || blocks.TryReserve(Length);

    public void End()
    {
        blocks?.Truncate(0);
        _call = null;
    }
}
