using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine;

/// <summary>What an engine has under way, for capacity and metrics; as of its last step.</summary>
public readonly record struct EngineSnapshot(int Running, int Waiting, int KvBlocksUsed, int KvBlocksTotal, long Steps)
{
    /// <summary>Tokens, cache, giving way and speculation, since the engine began.</summary>
    public StepCounts Counts { get; init; }

    /// <summary>Texts embedded and ranked since the engine began, and calls of such under way.</summary>
    public EmbeddingCounts Texts { get; init; }

    /// <summary>Blocks that neither hold what is under way nor are spoken for by it: with them its prompts are read and each answer's next token drawn.</summary>
    public int KvBlocksOpen { get; init; }

    /// <summary>Blocks that were ever used: their pages are the process's.</summary>
    public int KvBlocksTouched { get; init; }

    /// <summary>Bytes of the draft model's KV cache that were never used.</summary>
    public long DraftBytesUntouched { get; init; }

    /// <summary>Named beginnings of prompts that need not be read again, those used last first.</summary>
    public ReadOnlyMemory<ulong> WarmPrefixes { get; init; }

    /// <summary>Of all prompts together; 0 while nothing was measured.</summary>
    public double PrefillTokensPerSecond { get; init; }

    /// <summary>Of one answer; 0 while nothing was measured.</summary>
    public double DecodeTokensPerSecond { get; init; }
}

/// <summary>
/// One loaded model at work: a thread of its own runs the <see cref="StepLoop"/>. Submitting and cancelling never wait for a step. The backends belong
/// to the caller, who disposes them after the engine.
/// </summary>
public sealed class InferenceEngine : IDisposable
{
    /// <summary>How long the loop sleeps when every answer waits for its reader: a reader's taking is not signalled, and 5 ms are below a frame.</summary>
    private const int PausedWaitMs = 5;

    private readonly object _gate = new();
    private readonly StepLoop _loop;
    private readonly BatchLimits _limits;
    private readonly TimeProvider _time;
    private readonly int _vocabularyCount;
    private readonly List<Generation> _inbox = [];
    private readonly List<EmbeddingCall> _textInbox = [];
    private readonly bool _isEncoder;
    private readonly Thread _thread;
    private EngineSnapshot _snapshot;
    private double _secondsPerCall = 1;
    private bool _isStopped;

    /// <param name="name">For the thread's name.</param>
    /// <param name="backend">The model.</param>
    /// <param name="limits">What passes take on.</param>
    /// <param name="cores">Shared with the box's other engines; null: nobody waits for anybody.</param>
    /// <param name="draft">A small model of the same vocabulary that guesses ahead; null: none does.</param>
    public InferenceEngine(
        string name, IBackend backend, Tokenizer tokenizer, BatchLimits limits, TimeProvider time, CoreShare? cores = null, IBackend? draft = null)
    {
        _limits = limits;
        _time = time;
        _vocabularyCount = tokenizer.Vocabulary.Count;
        _loop = new StepLoop(backend, tokenizer, limits, time, cores, draft);
        _isEncoder = !backend.Shape.IsCausal;
        ContextTokens = _loop.ContextTokens;
        _snapshot = new EngineSnapshot(0, 0, 0, _loop.KvBlocksTotal, 0) { KvBlocksOpen = _loop.KvBlocksOpen };
        _thread = new Thread(Run) { IsBackground = true, Name = $"engine {name}" };
        _thread.Start();
    }

    /// <summary>Prompt and answer of one sequence together; of texts to embed, one text.</summary>
    public int ContextTokens { get; }

    public EngineSnapshot Snapshot
    {
        get
        {
            lock (_gate)
            {
                return _snapshot with { Waiting = _snapshot.Waiting + _inbox.Count };
            }
        }
    }

    public CapacitySnapshot Capacity()
    {
        lock (_gate)
        {
            // An encoder's calls share its passes, so that each that may come has a place; a decoder's answers have places of their own.
            var waiting = _isEncoder ? 0 : _snapshot.Waiting + _inbox.Count;
            var total = _isEncoder ? EmbeddingLimits.CallsMax : _limits.SequencesMax;
            var free = Math.Max(0, total - (_isEncoder ? TextCalls : _snapshot.Running + waiting));
            return new CapacitySnapshot
            {
                Available = !_isStopped,
                FreeSlots = free,
                TotalSlots = total,
                QueueDelay = free > 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(_secondsPerCall * (waiting + 1) / total),
                ContextTokens = ContextTokens,
                FreeTokens = _isEncoder ? 0 : Math.Max(1, _snapshot.KvBlocksOpen * KvBlockPool.BlockPositions),
                WarmPrefixes = _snapshot.WarmPrefixes,
                AsOf = _time.GetTimestamp(),
            };
        }
    }

    /// <summary>Queues a request, or says why not. Its answer then always completes, whatever happens.</summary>
    internal ModelError Submit(Generation generation)
    {
        if (AdmissionRules.Check(generation, _limits, ContextTokens, _vocabularyCount) is { IsNone: false } refused)
        {
            return refused;
        }

        lock (_gate)
        {
            if (_isStopped)
            {
                return new ModelError(ErrorCause.Draining, "The model is being unloaded; try another.");
            }

            if (_snapshot.Waiting + _inbox.Count >= _limits.WaitingMax)
            {
                return new ModelError(ErrorCause.Overloaded, $"{_limits.WaitingMax} calls already wait for this model; try again later.", null,
                    TimeSpan.FromSeconds(Math.Max(1, _secondsPerCall)));
            }

            generation.Engine = this;
            _inbox.Add(generation);
            Monitor.Pulse(_gate);
            return default;
        }
    }

    /// <summary>Queues texts to embed or to rank, or says why not. The call then always completes, whatever happens.</summary>
    internal ModelError Submit(EmbeddingCall call)
    {
        if (EmbeddingRules.Check(call, ContextTokens, _vocabularyCount) is { IsNone: false } refused)
        {
            return refused;
        }

        lock (_gate)
        {
            if (_isStopped)
            {
                return new ModelError(ErrorCause.Draining, "The model is being unloaded; try another.");
            }

            if (TextCalls >= EmbeddingLimits.CallsMax)
            {
                return new ModelError(ErrorCause.Overloaded, $"{EmbeddingLimits.CallsMax} calls with texts are under way on this model; try again later.", null,
                    TimeSpan.FromSeconds(Math.Max(1, _secondsPerCall)));
            }

            _textInbox.Add(call);
            Monitor.Pulse(_gate);
            return default;
        }
    }

    /// <summary>Ends a call before the next pass; it completes as cancelled.</summary>
    internal void Cancel(EmbeddingCall call)
    {
        call.RequestCancel();
        lock (_gate)
        {
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Ends a request before its next step; its answer completes as cancelled.</summary>
    internal void Cancel(Generation generation)
    {
        generation.RequestCancel();
        lock (_gate)
        {
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>
    /// Lets a request pause or go on, before its next step: for a scheduler that needs its place (<see cref="Hold.Paused"/>) or its memory in any case
    /// (<see cref="Hold.Evicted"/>) for another. Its deadline runs on.
    /// </summary>
    internal void Set(Generation generation, Hold hold)
    {
        generation.Hold = hold;
        lock (_gate)
        {
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>What a finished call took, for the estimate of the queue's delay.</summary>
    internal void Observe(TimeSpan call)
    {
        lock (_gate)
        {
            _secondsPerCall += (call.TotalSeconds - _secondsPerCall) / 8;
        }
    }

    /// <summary>Ends what is under way as <see cref="ErrorCause.Draining"/> and waits for the thread: at most one step.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopped = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
    }

    /// <summary>Under the gate.</summary>
    private int TextCalls => _snapshot.Texts.CallsUnderWay + _textInbox.Count;

    private void Run()
    {
        var isIdle = false;
        while (Collect(isIdle))
        {
            isIdle = !_loop.Step();
        }

        _loop.FailAll(new ModelError(ErrorCause.Draining, "The model was unloaded while it answered."));
    }

    /// <summary>Takes what was submitted, sleeping while there is nothing to do; false when the engine stops.</summary>
    private bool Collect(bool isIdle)
    {
        lock (_gate)
        {
            while (!_isStopped && _inbox.Count + _textInbox.Count == 0 && !_loop.HasWork)
            {
                TakeSnapshot();
                _ = Monitor.Wait(_gate);
            }

            if (isIdle && !_isStopped && _inbox.Count + _textInbox.Count == 0)
            {
                _ = Monitor.Wait(_gate, PausedWaitMs);
            }

            foreach (var generation in _inbox)
            {
                _loop.Accept(generation);
            }

            foreach (var call in _textInbox)
            {
                _loop.Accept(call);
            }

            _inbox.Clear();
            _textInbox.Clear();
            TakeSnapshot();
            return !_isStopped;
        }
    }

    private void TakeSnapshot() =>
        _snapshot = new EngineSnapshot(_loop.RunningCount, _loop.WaitingCount, _loop.KvBlocksUsed, _loop.KvBlocksTotal, _loop.Steps)
        {
            Counts = _loop.Counts,
            Texts = _loop.Texts,
            KvBlocksOpen = _loop.KvBlocksOpen,
            KvBlocksTouched = _loop.KvBlocksTouched,
            DraftBytesUntouched = _loop.Drafts?.UntouchedBytes ?? 0,
            WarmPrefixes = _loop.WarmPrefixes,
            PrefillTokensPerSecond = _loop.Speed.PrefillTokensPerSecond,
            DecodeTokensPerSecond = _loop.Speed.DecodeTokensPerSecond,
        };
}
