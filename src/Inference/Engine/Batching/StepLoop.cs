using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching.Speculation;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// The engine's work, one <see cref="Step"/> at a time and without a thread of its own: end what was cancelled, admit what fits, run one forward pass,
/// draw a token for each answer that reached its last one. Allocates nothing per token. One caller at a time.
/// </summary>
internal sealed class StepLoop
{
    /// <summary>Share of the stall that a pass beside prompts may take, for what the draft model reads in a step: no prompt is read beside it.</summary>
    private const double DraftShare = 0.25;

    private readonly IBackend _backend;
    private readonly TimeProvider _time;
    private readonly KvBlockPool _pool;
    private readonly Roster _roster;
    private readonly ForwardBatch _batch;
    private readonly StepPlanner _planner;
    private readonly AnswerDrawer _drawer;
    private readonly WarmPrefixes _warm;
    private readonly EmbeddingLane _texts;
    private readonly PromptPace _pace;
    private readonly CoreShare? _cores;
    private long _arrivals;

    public StepLoop(IBackend backend, Tokenizer tokenizer, BatchLimits limits, TimeProvider time, CoreShare? cores = null, IBackend? draft = null)
    {
        _backend = backend;
        _cores = cores;
        limits = limits with { StepRowsMax = Math.Min(limits.StepRowsMax, backend.Info.BatchRowsMax) };
        _time = time;
        _pool = new KvBlockPool(Math.Max(1, backend.Info.KvBlocks));
        _warm = new WarmPrefixes(_pool);
        _roster = new Roster(tokenizer, _pool, limits.SequencesMax);
        var logitRows = Math.Min(limits.SequencesMax + Draft.TokensMax, limits.StepRowsMax);
        _batch = new ForwardBatch(limits.StepRowsMax, backend.Shape.IsCausal ? logitRows : 0, backend.Shape.Vocabulary, limits.StepRowsMax, backend.Shape.Width);
        _texts = new EmbeddingLane(backend, _pool, limits.StepRowsMax);
        _pace = new PromptPace(limits.StallMs / 1e3);
        Drafts = draft is null ? null : new DraftModel(draft, tokenizer, limits.StepRowsMax, limits.StallMs * DraftShare / 1e3, time, cores);
        _planner = new StepPlanner(_roster, limits, logitRows, new Speculator(limits, logitRows, ContextTokens, Costs, Drafts), Costs, _pace, cores);
        _drawer = new AnswerDrawer(tokenizer, backend);
    }

    /// <summary>Positions that one sequence can come to: the model's context, or all KV blocks where they are fewer; of an encoder, the rows of a pass.</summary>
    public int ContextTokens => (int)Math.Min(
        _backend.Shape.Context, _backend.Shape.IsCausal ? (long)_pool.Total * KvBlockPool.BlockPositions : _batch.RowsMax);

    public int RunningCount => _roster.Running.Count;
    public int WaitingCount => _roster.Waiting.Count + _roster.Evicted.Count;
    public bool HasWork => RunningCount + WaitingCount > 0 || _texts.HasWork;
    public int KvBlocksUsed => _pool.Used;
    public int KvBlocksTotal => _backend.Info.KvBlocks;
    public int KvBlocksOpen => Math.Max(0, _pool.Free - _roster.BlocksSpoken);
    public int KvBlocksTouched => _pool.Touched;

    /// <summary>The small model that guesses ahead; null: none does.</summary>
    public DraftModel? Drafts { get; }

    /// <summary>What became of texts to embed or to rank.</summary>
    public EmbeddingCounts Texts => new(_texts.TextsDone, _texts.TokensDone, _texts.CallCount);

    /// <summary>Forward passes so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Measured over the last passes.</summary>
    public StepSpeed Speed { get; } = new();

    /// <summary>What passes take by their rows.</summary>
    public PassCosts Costs { get; } = new();

    /// <summary>What the cache, the roster and speculation did so far.</summary>
    public StepCounts Counts => new(
        _drawer.TokensDrawn, _planner.TokensRead, _planner.TokensReused, _pool.Evictions, _roster.Preemptions, _drawer.Lookup, _drawer.Model);

    /// <summary>Named beginnings of prompts that need not be read again.</summary>
    public ReadOnlyMemory<ulong> WarmPrefixes => _warm.Tell();

    /// <summary>Takes a request that <see cref="AdmissionRules"/> let through.</summary>
    public void Accept(Generation generation)
    {
        generation.Rank = Rank.Of(_time.GetTimestamp(), _time.TimestampFrequency, generation.Priority, _arrivals++);
        _roster.Accept(generation);
    }

    /// <summary>Takes texts that <see cref="EmbeddingRules"/> let through.</summary>
    public void Accept(EmbeddingCall call)
    {
        call.Rank = Rank.Of(_time.GetTimestamp(), _time.TimestampFrequency, call.Priority, _arrivals++);
        _texts.Accept(call);
    }

    /// <summary>One forward pass and what belongs to it; false when there was nothing to compute.</summary>
    public bool Step()
    {
        DropEnded();
        _texts.DropEnded(_time);
        _roster.EvictHeld();
        Admit();
        var shares = _planner.Plan(_texts.RowsWanted);
        var textRows = _texts.Plan(RowsOfTexts(), RunningCount);
        if (shares.IsEmpty && textRows == 0)
        {
            _roster.Retry();
            return false;
        }

        Fill(shares);
        _texts.Fill(_batch);
        if (!TryForward(out var started))
        {
            return true;
        }

        Steps++;
        Draw(shares);
        Account(shares, textRows, _time.GetTimestamp() - started);
        Publish();
        _planner.TellAnswers();
        return true;
    }

    /// <summary>What the answers and prompts leave; of an encoder as much as ends soon, where others wait for it.</summary>
    private int RowsOfTexts()
    {
        if (_backend.Shape.IsCausal || _texts.CallCount < 2)
        {
            return _planner.RowsLeft;
        }

        // An encoder's passes are dense in rows, and its weights small: rows are all that they take.
        var row = Costs.SecondsPerRow;
        return row == 0 ? _planner.RowsLeft : Math.Min(_planner.RowsLeft, (int)Math.Max(1, EmbeddingLimits.PassMs / 1e3 / row));
    }

    /// <summary>Ends everything with one error.</summary>
    public void FailAll(ModelError error)
    {
        while (_roster.Running.Count > 0)
        {
            Fail(_roster.Running[^1].Generation, error);
        }

        while (_roster.Evicted.Count > 0)
        {
            Fail(_roster.Evicted[^1].Generation, error);
        }

        while (_roster.Waiting.Count > 0)
        {
            Fail(_roster.Waiting[^1], error);
        }

        _texts.FailAll(error);
        _planner.TellAnswers();
    }

    private void DropEnded()
    {
        DropEnded(_roster.Running);
        DropEnded(_roster.Evicted);
        for (var i = _roster.Waiting.Count - 1; i >= 0; i = Math.Min(i, _roster.Waiting.Count) - 1)
        {
            if (WhyEnded(_roster.Waiting[i]) is { IsNone: false } error)
            {
                Fail(_roster.Waiting[i], error);
            }
        }
    }

    private void DropEnded(IReadOnlyList<Sequence> sequences)
    {
        for (var i = sequences.Count - 1; i >= 0; i = Math.Min(i, sequences.Count) - 1)
        {
            if (WhyEnded(sequences[i].Generation) is { IsNone: false } error)
            {
                Fail(sequences[i].Generation, error);
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

    /// <summary>Texts that found no blocks go before new answers: those under way end, and what is paused gives way, so neither waits for ever.</summary>
    private void Admit()
    {
        if (_texts.IsBlocked)
        {
            _roster.EvictPaused();
            return;
        }

        while (_roster.Admit(out var isNew) is { } sequence)
        {
            var generation = sequence.Generation;
            if (isNew && sequence.Choice == 0)
            {
                // Of an answer that goes on elsewhere's, the cache may have had what was shown too: that is no part of the prompt.
                var prompt = generation.Prompt.Count - generation.ShownCount;
                generation.Answer.Start(prompt, Math.Min(prompt, generation.CachedTokens));
            }

            if (isNew && generation.ShownCount > 0)
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

        AnswerDrawer.FinishIfDone(sequence);
        if (!generation.Error.IsNone)
        {
            Fail(generation, generation.Error);
        }
        else if (sequence.IsFinished)
        {
            _roster.Release(sequence);
            generation.Answer.Publish(complete: true);
        }
    }

    private void Fill(ReadOnlySpan<PlannedShare> shares)
    {
        _batch.Clear();
        foreach (var share in shares)
        {
            var sequence = share.Sequence;
            var drafts = sequence.Draft.Planned;
            _batch.BeginSequence(sequence.Blocks);
            for (var row = 0; row < share.Rows - drafts; row++)
            {
                var position = sequence.Computed + row;
                _ = _batch.Add(sequence.Tokens.Span[position], position, position == sequence.Tokens.Count - 1, sequence.Generation.Adapter);
            }

            for (var i = 0; i < drafts; i++)
            {
                _ = _batch.Add(sequence.Draft.Tokens[i], sequence.Tokens.Count + i, wantsLogits: true, sequence.Generation.Adapter);
            }

            sequence.Computed += share.Rows - drafts;
        }
    }

    /// <summary>A pass of the whole team waits for its turn among the box's engines first; the wait is none of the pass's cost.</summary>
    private bool TryForward(out long started)
    {
        var cores = _cores is not null && _backend.TakesTeam(_batch.Rows) ? _cores : null;
        cores?.Enter(_backend.Info.Threads);
        started = _time.GetTimestamp();
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
        finally
        {
            cores?.Leave(_backend.Info.Threads);
        }
    }

    /// <summary>Logits stand in the order of the shares: none where a prompt goes on, else one row and one for each draft.</summary>
    private void Draw(ReadOnlySpan<PlannedShare> shares)
    {
        var logitRow = 0;
        for (var i = 0; i < shares.Length; i++)
        {
            var sequence = shares[i].Sequence;
            if (sequence.Pending == 0)
            {
                _drawer.Draw(sequence, _batch, i, logitRow);
                logitRow += 1 + sequence.Draft.Planned;
            }

            if (sequence.Generation.Error.IsNone)
            {
                sequence.Publish();
                Name(sequence);
            }
        }
    }

    /// <summary>Once the prompt is read, whoever knows its beginnings by name may find them here. An adapter's are not the model's.</summary>
    private void Name(Sequence sequence)
    {
        var generation = sequence.Generation;
        if (generation.PrefixNames.Count == 0 || sequence.Pending > 1 || generation.KvSalt != 0)
        {
            return;
        }

        for (var i = generation.PrefixNames.Count - 1; i >= 0; i--)
        {
            var (digest, share) = generation.PrefixNames[i];
            _warm.Note(digest, sequence.KeyOfFirst((int)(share * (generation.Prompt.Count - generation.ShownCount))));
        }

        generation.PrefixNames.Clear();
    }

    /// <summary>Shares the pass's time out by rows.</summary>
    private void Account(ReadOnlySpan<PlannedShare> shares, int textRows, long ticks)
    {
        var each = (double)ticks * _backend.Info.Threads / _batch.Rows;
        _texts.Collect(_batch, shares.Length, each);
        var promptRows = textRows;
        foreach (var share in shares)
        {
            share.Sequence.Generation.ComputeTicks += each * share.Rows;
            promptRows += share.Rows - share.Sequence.Draft.Planned > 1 ? share.Rows : 0;
        }

        var seconds = (double)ticks / _time.TimestampFrequency;
        Speed.Passed(promptRows, _batch.Rows - promptRows, seconds);
        Costs.Passed(_batch.Rows, seconds);
        if (promptRows > 0 && (promptRows < _batch.Rows || _planner.IsAwaited))
        {
            _pace.Passed(_batch.Rows, seconds);
        }
    }

    /// <summary>Shows readers what is new, ends what is finished.</summary>
    private void Publish()
    {
        var now = _time.GetTimestamp();
        foreach (var sequence in _roster.Evicted)
        {
            TellWork(sequence.Generation, now);
            sequence.Generation.Answer.Publish(complete: false);
        }

        for (var i = _roster.Running.Count - 1; i >= 0; i = Math.Min(i, _roster.Running.Count) - 1)
        {
            var sequence = _roster.Running[i];
            var generation = sequence.Generation;
            if (!generation.Error.IsNone)
            {
                Fail(generation, generation.Error);
                continue;
            }

            if (sequence.IsFinished)
            {
                _roster.Release(sequence);
            }

            TellWork(generation, now);

            // Only the last of several choices completes the answer: after that the reader may reuse the generation.
            generation.Answer.Publish(generation.ChoicesFinished == generation.Choices && generation.ChoicesRunning == 0);
        }
    }

    /// <summary>A long prompt, or a place among many, is no silence: the reader hears of it.</summary>
    private void TellWork(Generation generation, long now)
    {
        if (generation.Answer.HasNews)
        {
            generation.ToldAt = now;
        }
        else if (now - generation.ToldAt >= BatchLimits.WorkToldSeconds * _time.TimestampFrequency)
        {
            generation.ToldAt = now;
            generation.Answer.Add(EventKind.Working, 0, 0, default, default, default, FinishReason.None);
        }
    }

    private void Fail(Generation generation, ModelError error)
    {
        _roster.Release(generation);
        generation.Error = error;
        generation.Reason = error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error;
        generation.Answer.Publish(complete: true);
    }
}
