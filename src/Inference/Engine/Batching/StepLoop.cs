using System.Runtime.InteropServices;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// The engine's work, one <see cref="Step"/> at a time and without a thread of its own: end what was cancelled, admit what fits, run one forward pass,
/// draw a token for each answer that reached its last one. Allocates nothing per token. One caller at a time.
/// </summary>
internal sealed class StepLoop
{
    private readonly IBackend _backend;
    private readonly Tokenizer _tokenizer;
    private readonly BatchLimits _limits;
    private readonly TimeProvider _time;
    private readonly KvBlockPool _pool;
    private readonly ForwardBatch _batch;
    private readonly Sampler _sampler;
    private readonly ulong[] _mask;
    private readonly List<Generation> _waiting = [];
    private readonly List<Sequence> _running = [];
    private readonly Stack<Sequence> _spare = [];
    private readonly SequenceLoad[] _loads;
    private readonly StepShare[] _shares;
    private readonly int[] _logitIndices;
    private readonly TokenAlternative[] _alternatives = new TokenAlternative[Sampler.TopLogProbsMax];
    private int _first;

    public StepLoop(IBackend backend, Tokenizer tokenizer, BatchLimits limits, TimeProvider time)
    {
        _backend = backend;
        _tokenizer = tokenizer;
        _limits = limits with { StepRowsMax = Math.Min(limits.StepRowsMax, backend.Info.BatchRowsMax) };
        _time = time;
        _pool = new KvBlockPool(backend.Info.KvBlocks);
        _batch = new ForwardBatch(_limits.StepRowsMax, Math.Min(_limits.SequencesMax, _limits.StepRowsMax), backend.Shape.Vocabulary);
        _sampler = new Sampler(tokenizer.Vocabulary.Count);
        _mask = new ulong[(tokenizer.Vocabulary.Count + 63) / 64];
        _loads = new SequenceLoad[_limits.SequencesMax];
        _shares = new StepShare[_limits.SequencesMax];
        _logitIndices = new int[_limits.SequencesMax];
    }

    /// <summary>Positions that one sequence can come to: the model's context, or all KV blocks where they are fewer.</summary>
    public int ContextTokens => (int)Math.Min(_backend.Shape.Context, (long)_pool.Total * KvBlockPool.BlockPositions);

    public int RunningCount => _running.Count;
    public int WaitingCount => _waiting.Count;
    public bool HasWork => _running.Count + _waiting.Count > 0;
    public int KvBlocksUsed => _pool.Used;
    public int KvBlocksTotal => _pool.Total;

    /// <summary>Forward passes so far, and tokens drawn.</summary>
    public long Steps { get; private set; }
    public long TokensDrawn { get; private set; }

    /// <summary>Measured over the last passes.</summary>
    public StepSpeed Speed { get; } = new();

    /// <summary>Takes a request that <see cref="AdmissionRules"/> let through.</summary>
    public void Accept(Generation generation) => _waiting.Add(generation);

    /// <summary>One forward pass and what belongs to it; false when there was nothing to compute.</summary>
    public bool Step()
    {
        DropEnded();
        Admit();
        var shares = Plan();
        if (shares == 0)
        {
            return false;
        }

        var started = _time.GetTimestamp();
        Fill(shares);
        if (!TryForward())
        {
            return true;
        }

        Steps++;
        Draw(shares);
        Account(shares, _time.GetTimestamp() - started);
        Publish();
        return true;
    }

    /// <summary>Ends everything with one error.</summary>
    public void FailAll(ModelError error)
    {
        while (_running.Count > 0)
        {
            Fail(_running[^1].Generation, error);
        }

        while (_waiting.Count > 0)
        {
            Fail(_waiting[^1], error);
        }
    }

    private void DropEnded()
    {
        for (var i = _running.Count - 1; i >= 0; i = Math.Min(i, _running.Count) - 1)
        {
            if (WhyEnded(_running[i].Generation) is { IsNone: false } error)
            {
                Fail(_running[i].Generation, error);
            }
        }

        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (WhyEnded(_waiting[i]) is { IsNone: false } error)
            {
                Fail(_waiting[i], error);
            }
        }
    }

    private ModelError WhyEnded(Generation generation)
    {
        if (generation.IsCancelled)
        {
            return new ModelError(ErrorCause.Cancelled, "The caller cancelled the call.");
        }

        if (!generation.Deadline.Passed(_time))
        {
            return default;
        }

        return generation.OutputTokens == 0
            ? new ModelError(ErrorCause.FirstTokenTimeout, "The deadline passed before the first token; allow more time or try when fewer calls wait.")
            : new ModelError(ErrorCause.Stalled, $"The deadline passed after {generation.OutputTokens} tokens; allow more time or ask for fewer tokens.");
    }

    /// <summary>In order of arrival: the first that does not fit waits, and those behind it wait too, so that a long request is not passed over for ever.</summary>
    private void Admit()
    {
        while (_waiting.Count > 0 && _running.Count < _limits.SequencesMax)
        {
            var generation = _waiting[0];
            var sequence = _spare.Count > 0 ? _spare.Pop() : new Sequence(_tokenizer, _pool);
            if (!sequence.TryBegin(generation, generation.ChoicesStarted))
            {
                _spare.Push(sequence);
                return;
            }

            _running.Add(sequence);
            generation.ChoicesRunning++;
            if (generation.ChoicesStarted++ == 0)
            {
                generation.Answer.Add(EventKind.Started, 0, 0, default, default, default, FinishReason.None);
            }

            if (generation.ChoicesStarted == generation.Choices)
            {
                _waiting.RemoveAt(0);
            }

            if (generation.ShownCount > 0)
            {
                Resume(sequence);
            }
        }
    }

    /// <summary>
    /// Moves an answer behind the tokens that its client has. It may be over there: where the limit is reached or a stop string complete, only the end was lost.
    /// </summary>
    private void Resume(Sequence sequence)
    {
        var generation = sequence.Generation;
        if (!sequence.TryReplayShown())
        {
            Fail(generation, new ModelError(ErrorCause.SchemaViolated, "The tokens already shown do not fit the answer's constraint."));
            return;
        }

        FinishIfDone(sequence);
        if (!generation.Error.IsNone)
        {
            Fail(generation, generation.Error);
        }
        else if (sequence.IsFinished)
        {
            Release(_running.Count - 1);
            generation.Answer.Publish(complete: true);
        }
    }

    private int Plan()
    {
        for (var i = 0; i < _running.Count; i++)
        {
            _loads[i] = new SequenceLoad(_running[i].Pending, _running[i].Generation.Answer.IsFull);
        }

        return _running.Count == 0 ? 0 : Batcher.Plan(_loads.AsSpan(0, _running.Count), _first++ % _running.Count, _limits, _shares);
    }

    private void Fill(int shares)
    {
        _batch.Clear();
        for (var i = 0; i < shares; i++)
        {
            var (index, rows) = _shares[i];
            var sequence = _running[index];
            var reachesEnd = rows == sequence.Pending;
            _batch.BeginSequence(sequence.Blocks);
            for (var row = 0; row < rows; row++)
            {
                var position = sequence.Computed + row;
                _logitIndices[i] = _batch.Add(sequence.Tokens.Span[position], position, reachesEnd && row == rows - 1);
            }

            sequence.Computed += rows;
        }
    }

    private bool TryForward()
    {
        try
        {
            _backend.Forward(_batch);
            return true;
        }
        catch (BackendException error)
        {
            FailAll(new ModelError(ErrorCause.Internal, $"The forward pass failed: {error.Message}"));
            return false;
        }
    }

    private void Draw(int shares)
    {
        for (var i = 0; i < shares; i++)
        {
            var sequence = _running[_shares[i].Sequence];
            if (_logitIndices[i] >= 0 && sequence.Generation.Error.IsNone)
            {
                DrawOne(sequence, _batch.Logits(_logitIndices[i])[.._tokenizer.Vocabulary.Count]);
            }
        }
    }

    private void DrawOne(Sequence sequence, ReadOnlySpan<float> logits)
    {
        var generation = sequence.Generation;
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
            generation.Error = SamplingError(drawn.Error, sequence);
            return;
        }

        generation.OutputTokens++;
        TokensDrawn++;
        NameLogProbs(sequence, drawn, logits);
        Take(sequence, drawn);
    }

    /// <summary>What the caller wants to know of a token beside the token; an end token is no part of the answer.</summary>
    private void NameLogProbs(Sequence sequence, in SampledToken drawn, ReadOnlySpan<float> logits)
    {
        if (sequence.Generation.WantsLogProbs && !_tokenizer.EndsGeneration(drawn.Token))
        {
            var count = _sampler.TopLogProbs(logits, _alternatives.AsSpan(0, sequence.Generation.TopLogProbs));
            sequence.Text.Name(drawn.Token, drawn.LogProb, _alternatives.AsSpan(0, count));
        }
    }

    private void Take(Sequence sequence, in SampledToken drawn)
    {
        var generation = sequence.Generation;
        if (sequence.IsConstrained && !sequence.Constraint.Advance(drawn.Token))
        {
            generation.Error = new ModelError(ErrorCause.Internal, $"Token {drawn.Token} was drawn although the constraint refuses it.");
        }
        else if (_tokenizer.EndsGeneration(drawn.Token))
        {
            Finish(sequence, FinishReason.Stop);
        }
        else
        {
            sequence.Tokens.Add(drawn.Token);
            sequence.History.Add(drawn.Token);
            sequence.Text.Append(drawn.Token, drawn.LogProb, generation.Answer);
            FinishIfDone(sequence);
        }
    }

    private static void FinishIfDone(Sequence sequence)
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

    private static void Finish(Sequence sequence, FinishReason reason)
    {
        var generation = sequence.Generation;
        sequence.IsFinished = true;
        reason = sequence.Text.Finish(reason, generation.Answer);
        generation.Error = reason == FinishReason.Error ? sequence.Text.Error : generation.Error;
        generation.Reason = sequence.Choice == 0 ? reason : generation.Reason;
        generation.ChoicesFinished++;
    }

    private static ModelError SamplingError(SampleError error, Sequence sequence) => error == SampleError.NotANumber
        ? new ModelError(ErrorCause.Internal, $"The model's logits at position {sequence.Tokens.Count} are not numbers; the file is damaged or the arithmetic broke.")
        : new ModelError(ErrorCause.Internal, $"No token of the vocabulary continues the constrained answer at position {sequence.Tokens.Count}.");

    /// <summary>Shares the pass's time out by rows.</summary>
    private void Account(int shares, long ticks)
    {
        var each = (double)ticks * _backend.Info.Threads / _batch.Rows;
        var promptRows = 0;
        for (var i = 0; i < shares; i++)
        {
            _running[_shares[i].Sequence].Generation.ComputeTicks += each * _shares[i].Rows;
            promptRows += _shares[i].Rows > 1 ? _shares[i].Rows : 0;
        }

        Speed.Passed(promptRows, _batch.Rows - promptRows, (double)ticks / _time.TimestampFrequency);
    }

    /// <summary>Shows readers what is new, ends what is finished.</summary>
    private void Publish()
    {
        for (var i = _running.Count - 1; i >= 0; i = Math.Min(i, _running.Count) - 1)
        {
            var (sequence, generation) = (_running[i], _running[i].Generation);
            if (!generation.Error.IsNone)
            {
                Fail(generation, generation.Error);
                continue;
            }

            if (sequence.IsFinished)
            {
                Release(i);
            }

            // Only the last of several choices completes the answer: after that the reader may reuse the generation.
            generation.Answer.Publish(generation.ChoicesFinished == generation.Choices && generation.ChoicesRunning == 0);
        }
    }

    private void Fail(Generation generation, ModelError error)
    {
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].Generation == generation)
            {
                Release(i);
            }
        }

        _ = _waiting.Remove(generation);
        generation.Error = error;
        generation.Reason = error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error;
        generation.Answer.Publish(complete: true);
    }

    private void Release(int index)
    {
        var sequence = _running[index];
        _running.RemoveAt(index);
        sequence.Generation.ChoicesRunning--;
        sequence.End();
        _spare.Push(sequence);
    }
}
