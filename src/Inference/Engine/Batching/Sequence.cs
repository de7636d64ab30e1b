using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>One answer in progress: its tokens, its KV blocks, and where its text and constraint stand. Reused; belongs to the loop.</summary>
#pragma warning disable CA1001 // Disposing a block table is returning its blocks, which End does.
internal sealed class Sequence(Tokenizer tokenizer, KvBlockPool pool)
#pragma warning restore CA1001
{
    private readonly BlockTable _blocks = new(pool);
    private Generation? _generation;

    public Generation Generation => _generation ?? throw new InvalidOperationException("The sequence has not begun.");
    public int Choice { get; private set; }

    /// <summary>Prompt and answer.</summary>
    public TokenBuffer Tokens { get; } = new(1024);

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }
    public int Pending => Tokens.Count - Computed;

    public ConstraintState Constraint { get; } = new();
    public bool IsConstrained => Generation.Constraint is not null;
    public TokenHistory History { get; } = new();
    public SequenceText Text { get; } = new(tokenizer);

    /// <summary>Answer tokens, shown ones included.</summary>
    public int OutputCount => Tokens.Count - (Generation.Prompt.Count - Generation.ShownCount);
    public bool IsFinished { get; set; }

    public ReadOnlySpan<int> Blocks => _blocks.Blocks;

    /// <summary>Begins an answer with all blocks that it can need; false when they are not free. Throws nothing.</summary>
    public bool TryBegin(Generation generation, int choice)
    {
        if (!_blocks.TryReserve(generation.TokensMax))
        {
            return false;
        }

        _generation = generation;
        Choice = choice;
        Computed = 0;
        IsFinished = false;
        Tokens.Clear();
        Tokens.Add(generation.Prompt.Span);
        History.Begin(generation.Prompt.Span[..^generation.ShownCount], generation.Sampling);
        Text.Begin(choice, generation.Stops, generation.ParsesCalls);
        if (generation.Constraint is { } constraint)
        {
            Constraint.Begin(constraint);
        }

        return true;
    }

    /// <summary>Moves constraint, penalties and text past the tokens that the client has seen; false when the constraint refuses one.</summary>
    public bool TryReplayShown()
    {
        foreach (var token in Generation.Prompt.Span[^Generation.ShownCount..])
        {
            if (IsConstrained && !Constraint.Advance(token))
            {
                return false;
            }

            History.Add(token);
            Text.Replay(token);
        }

        return true;
    }

    public void End()
    {
        _blocks.Truncate(0);
        Constraint.Reset();
        _generation = null;
    }
}
