using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Transport.Buffers;
using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// One request inside the engine: filled by the caller, run by the loop, read through <see cref="Answer"/>. The caller may reuse it once the answer
/// is complete and read.
/// </summary>
internal sealed class Generation : IHoldable
{
    private volatile bool _isCancelled;
    private volatile Hold _hold;

    /// <summary>The prompt, with the tokens already shown at its end.</summary>
    public TokenBuffer Prompt { get; } = new(1024);

    /// <summary>How many at the end of <see cref="Prompt"/> the client has already seen.</summary>
    public int ShownCount { get; set; }

    /// <summary>New tokens and shown ones together; at least as many as the shown.</summary>
    public int OutputTokensMax { get; set; }
    public int Choices { get; set; } = 1;
    public SamplingSettings Sampling { get; set; }
    public ulong Seed { get; set; }
    public bool WantsLogProbs { get; set; }

    /// <summary>Alternatives beside each token's log probability; 0 to <see cref="Sampler.TopLogProbsMax"/>.</summary>
    public int TopLogProbs { get; set; }

    /// <summary>Added to logits before sampling; tokens of the vocabulary.</summary>
    public List<TokenBias> LogitBias { get; } = [];
    public List<Utf8Slice> Stops { get; } = [];
    public bool ParsesCalls { get; set; }

    /// <summary>How the model writes tool calls and reasoning.</summary>
    public AnswerForm Form { get; set; }

    /// <summary>The prompt ends inside of the reasoning.</summary>
    public bool InReasoning { get; set; }

    /// <summary>Null when nothing constrains the answer. Owned by the generation; let go of by <see cref="Reset"/>.</summary>
    public CompiledConstraint? Constraint { get; set; }
    public Deadline Deadline { get; set; }

    /// <summary>The call's lane, 0 the most urgent: see <see cref="Rank"/>.</summary>
    public int Priority { get; set; }

    /// <summary>Names what changes keys and values beside the tokens, for the prefix cache: 0, or a number of the adapter's content (never of its place).</summary>
    public ulong KvSalt { get; set; }

    /// <summary>Of the model's LoRA adapters, for all rows of the prompt and the answer; 0: none.</summary>
    public int Adapter { get; set; }

    /// <summary>Names of the prompt's beginnings, for others who look for what is at hand; taken by the loop when the prompt is read.</summary>
    public List<PrefixName> PrefixNames { get; } = [];

    public AnswerQueue Answer { get; } = new();

    // Below: written by the loop, read by the caller when the answer is complete.

    /// <summary>Its place among all calls; set when the loop accepts it.</summary>
    public Rank Rank { get; set; }

    /// <summary>When the reader last had something: a timestamp.</summary>
    public long ToldAt { get; set; }

    /// <summary>Prompt tokens of the first choice that were found in the cache.</summary>
    public int CachedTokens { get; set; }

    public ModelError Error { get; set; }
    public FinishReason Reason { get; set; }
    public int OutputTokens { get; set; }

    /// <summary>Those of <see cref="OutputTokens"/> that were reasoning, of answers that are over.</summary>
    public int ReasoningTokens { get; set; }

    /// <summary>Processor time spent on it, in timestamp ticks times threads.</summary>
    public double ComputeTicks { get; set; }

    public int ChoicesStarted { get; set; }
    public int ChoicesRunning { get; set; }
    public int ChoicesFinished { get; set; }

    /// <summary>Prompt and output of one choice together.</summary>
    public int TokensMax => Prompt.Count - ShownCount + OutputTokensMax;

    public bool IsCancelled => _isCancelled;

    /// <summary>From any thread; the loop sees it before its next step.</summary>
    public void RequestCancel() => _isCancelled = true;

    /// <summary>Where it was submitted; null before.</summary>
    public InferenceEngine? Engine { get; set; }

    // As of the last step, about.
    int IHoldable.TokensHeld => Prompt.Count + OutputTokens;

    /// <summary>
    /// Paused, not evicted: it keeps its blocks while there are enough, and is the first to give its place and its blocks up to who needs them (<see cref="Roster"/>).
    /// </summary>
    void IHoldable.Hold(bool isHeld) => Engine?.Set(this, isHeld ? Hold.Paused : Hold.None);

    /// <summary>Whether it takes part. From any thread; the loop sees it before its next step.</summary>
    public Hold Hold
    {
        get => _hold;
        set => _hold = value;
    }

    public void Reset()
    {
        _isCancelled = false;
        _hold = Hold.None;
        Engine = null;
        Prompt.Clear();
        Stops.Clear();
        PrefixNames.Clear();
        LogitBias.Clear();
        Constraint?.Dispose();
        Constraint = null;
        Answer.Reset();
        Error = default;
        Reason = FinishReason.None;
        Deadline = default;
        (Priority, KvSalt, Adapter, Rank, CachedTokens, ToldAt) = (0, 0, 0, default, 0, 0);
        (ShownCount, OutputTokens, ReasoningTokens, ComputeTicks, ChoicesStarted, ChoicesRunning, ChoicesFinished, TopLogProbs, Choices) = (0, 0, 0, 0, 0, 0, 0, 0, 1);
    }
}
