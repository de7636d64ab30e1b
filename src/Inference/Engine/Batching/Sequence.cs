using Jesus.Inference.Engine.Batching.Speculation;
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
    private bool _wasEvicted;

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

    /// <summary>What is guessed to come next, and how well such guesses did.</summary>
    public Draft Draft { get; } = new();

    /// <summary>How far the draft model has come in it; null while it was asked for nothing.</summary>
    public DraftTrack? Track { get; set; }

    /// <summary>Answer tokens, shown ones included.</summary>
    public int OutputCount => Tokens.Count - (Generation.Prompt.Count - Generation.ShownCount);
    public bool IsFinished { get; set; }

    /// <summary>Was chosen for the pass under way and is still running.</summary>
    public bool IsRunning { get; set; }

    /// <summary>Somebody or something keeps it from going on: the caller, or a reader that is behind.</summary>
    public bool IsPaused => Generation.Hold != Hold.None || Generation.Answer.IsFull;

    public ReadOnlySpan<int> Blocks => _blocks.Blocks;

    /// <summary>Begins an answer, without blocks. Throws nothing.</summary>
    public void Begin(Generation generation, int choice)
    {
        _generation = generation;
        Choice = choice;
        Computed = 0;
        (IsFinished, _wasEvicted) = (false, false);
        generation.CachedTokens = choice == 0 ? 0 : generation.CachedTokens;
        Tokens.Clear();
        Tokens.Add(generation.Prompt.Span);
        _blocks.Begin(generation.KvSalt);
        Draft.Begin();
        Track?.Begin();
        History.Begin(generation.Prompt.Span[..^generation.ShownCount], generation.Sampling);
        Text.Begin(choice, generation);
        if (generation.Constraint is { } constraint)
        {
            Constraint.Begin(constraint);
            Constraint.Prepare();
        }
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

    /// <summary>Takes over what others, or itself before it gave way, have computed of its tokens. Returns how many tokens that saves.</summary>
    public int Adopt()
    {
        var before = Computed;
        Computed = Math.Max(Computed, _blocks.Adopt(Tokens.Span));
        if (Choice == 0 && !_wasEvicted)
        {
            Generation.CachedTokens += Computed - before;
        }

        return Computed - before;
    }

    /// <summary>Blocks that must be rented until all its tokens and the next one fit.</summary>
    public int Missing => _blocks.Missing(Tokens.Count + 1);

    public bool TryReserve(int positions) => _blocks.TryReserve(positions);

    /// <summary>Lets others use what is computed for good.</summary>
    public void Publish() => _blocks.Publish(Tokens.Span, Computed);

    /// <summary>Where it stands in its prompt: the key of the block that it computes next; none in the middle of a block or in one that is not full.</summary>
    public BlockKey NextKey => Computed == _blocks.Published * KvBlockPool.BlockPositions ? _blocks.NextKey(Tokens.Span) : default;

    /// <summary>Names the first <paramref name="tokens"/> tokens in the prefix cache, rounded down to whole blocks; none where not even one is full.</summary>
    public BlockKey KeyOfFirst(int tokens)
    {
        var blocks = Math.Min(tokens / KvBlockPool.BlockPositions, _blocks.Published);
        return blocks == 0 ? default : _blocks.Keys[blocks - 1];
    }

    /// <summary>Gives its blocks back and keeps its tokens: they are computed again when it goes on.</summary>
    public void Evict()
    {
        _blocks.Truncate(0);
        Track?.Release();
        Computed = 0;
        _wasEvicted = true;
    }

    public void End()
    {
        Generation.ReasoningTokens += Text.ReasoningTokens;
        _blocks.Truncate(0);
        Track?.Release();
        Constraint.Reset();
        _generation = null;
    }
}
