using System.Runtime.InteropServices;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching.Speculation;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// Draws the tokens of one answer from a pass's logits and takes them into the answer. A guessed token is accepted when it is the very token that was drawn: then its
/// row's logits are those that the next pass would have computed, and the next token is drawn from them at once. The loop's; allocates nothing per token.
/// </summary>
internal sealed class AnswerDrawer(Tokenizer tokenizer, IBackend backend)
{
    private readonly Sampler _sampler = new(tokenizer.Vocabulary.Count);
    private readonly ulong[] _mask = new ulong[(tokenizer.Vocabulary.Count + 63) / 64];
    private readonly TokenAlternative[] _alternatives = new TokenAlternative[Sampler.TopLogProbsMax];

    public long TokensDrawn { get; private set; }

    /// <summary>Guessed tokens that passes computed, and those that were the drawn ones: by lookup, and by the draft model.</summary>
    public DraftCounts Lookup { get; private set; }
    public DraftCounts Model { get; private set; }

    /// <param name="sequence">All its tokens are computed, and behind them <see cref="Draft.Planned"/> guessed ones.</param>
    /// <param name="batch">The pass.</param>
    /// <param name="index">Which of the pass's sequences it is.</param>
    /// <param name="logitRow">Where the sequence's logits begin.</param>
    public void Draw(Sequence sequence, ForwardBatch batch, int index, int logitRow)
    {
        var draft = sequence.Draft;
        var accepted = 0;
        while (TryDrawNext(sequence, batch, index, logitRow + accepted, accepted))
        {
            accepted++;
            sequence.Computed++;
        }

        Count(draft, accepted);
    }

    /// <summary>Draws one token; true when it is the guessed one, so that the row behind it holds the logits of the next.</summary>
    private bool TryDrawNext(Sequence sequence, ForwardBatch batch, int index, int logitRow, int guess)
    {
        if (!TryDraw(sequence, batch.Logits(logitRow)[..tokenizer.Vocabulary.Count], out var token, out var error))
        {
            sequence.Generation.Error = error == SampleError.None ? sequence.Generation.Error : SamplingError(error, sequence, batch, index);
            return false;
        }

        var draft = sequence.Draft;
        return guess < draft.Tokens.Length && draft.Meets(guess, token) && guess < draft.Planned && !sequence.IsFinished;
    }

    private void Count(Draft draft, int accepted)
    {
        if (draft.Source == DraftSource.Model)
        {
            Model = Model.Plus(draft.Planned, accepted);
        }
        else
        {
            Lookup = Lookup.Plus(draft.Planned, accepted);
        }
    }

    public static void FinishIfDone(Sequence sequence)
    {
        if (sequence.Text.IsStopped || (sequence.IsConstrained && sequence.Constraint.IsFinished))
        {
            Finish(sequence, sequence.Text.IsStopped ? FinishReason.StopSequence : FinishReason.Stop);
        }
        else if (sequence.OutputCount >= sequence.Generation.OutputTokensMax)
        {
            Finish(sequence, FinishReason.Length);
        }
    }

    /// <summary>False where the answer ended without a token or its request has failed.</summary>
    private bool TryDraw(Sequence sequence, ReadOnlySpan<float> logits, out int token, out SampleError error)
    {
        var generation = sequence.Generation;
        (token, error) = (-1, SampleError.None);
        if (!generation.Error.IsNone)
        {
            return false;
        }

        ReadOnlySpan<ulong> mask = default;
        if (sequence.IsConstrained && !sequence.Constraint.IsFree)
        {
            _ = sequence.Constraint.FillMask(_mask);
            mask = _mask;
        }

        var drawn = _sampler.Sample(logits, mask, generation.Sampling, generation.Seed, sequence.Choice, sequence.Tokens.Count, sequence.History, generation.WantsLogProbs,
            CollectionsMarshal.AsSpan(generation.LogitBias));
        if (drawn.Error != SampleError.None)
        {
            error = drawn.Error;
            return false;
        }

        generation.OutputTokens++;
        TokensDrawn++;
        NameLogProbs(sequence, drawn, logits);
        token = drawn.Token;
        return Take(sequence, drawn);
    }

    /// <summary>What the caller wants to know of a token beside the token; an end token is no part of the answer.</summary>
    private void NameLogProbs(Sequence sequence, in SampledToken drawn, ReadOnlySpan<float> logits)
    {
        if (sequence.Generation.WantsLogProbs && !tokenizer.EndsGeneration(drawn.Token))
        {
            var count = _sampler.TopLogProbs(logits, _alternatives.AsSpan(0, sequence.Generation.TopLogProbs));
            sequence.Text.Name(drawn.Token, drawn.LogProb, _alternatives.AsSpan(0, count));
        }
    }

    /// <summary>False where the token is no part of the answer.</summary>
    private bool Take(Sequence sequence, in SampledToken drawn)
    {
        var generation = sequence.Generation;
        if (sequence.IsConstrained && !sequence.Constraint.Advance(drawn.Token))
        {
            generation.Error = new ModelError(ErrorCause.Internal, $"Token {drawn.Token} was drawn although the constraint refuses it.");
            return false;
        }

        if (tokenizer.EndsGeneration(drawn.Token))
        {
            Finish(sequence, FinishReason.Stop);
            return false;
        }

        sequence.Tokens.Add(drawn.Token);
        sequence.History.Add(drawn.Token);
        sequence.Text.Append(drawn.Token, drawn.LogProb, generation.Answer);
        FinishIfDone(sequence);
        PrepareMask(sequence);
        return true;
    }

    /// <summary>The next mask is made while the next pass runs.</summary>
    private static void PrepareMask(Sequence sequence)
    {
        if (sequence is { IsConstrained: true, IsFinished: false })
        {
            sequence.Constraint.Prepare();
        }
    }

    private static void Finish(Sequence sequence, FinishReason reason)
    {
        var generation = sequence.Generation;
        sequence.IsFinished = true;
        reason = sequence.Text.Finish(reason, generation.Answer);
        generation.Error = reason == FinishReason.Error ? sequence.Text.Error : generation.Error;
        generation.Reason = sequence.Choice == 0 ? reason : generation.Reason;
        generation.ChoicesFinished++;
    }

    private ModelError SamplingError(SampleError error, Sequence sequence, ForwardBatch batch, int index) => error == SampleError.NotANumber
        ? new ModelError(
            ErrorCause.Internal,
            $"The model's logits at position {sequence.Tokens.Count} are not numbers, {Origin(backend.FindNotFinite(batch, index), backend.Shape)}; "
                + "the file is damaged or the arithmetic broke.")
        : new ModelError(ErrorCause.Internal, $"No token of the vocabulary continues the constrained answer at position {sequence.Tokens.Count}.");

    /// <summary>Where what is no number began, in words.</summary>
    internal static string Origin(int? block, ModelShape shape) => block switch
    {
        null => "though a second pass found none that were not",
        < 0 => "from the token embedding on",
        var at when at == shape.Layers => "from the output on",
        _ => $"from layer {block} of {shape.Layers} on (blk.{block})",
    };
}
