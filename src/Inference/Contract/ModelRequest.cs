using Jesus.Transport.Buffers;

namespace Jesus.Inference.Contract;

/// <summary>
/// What is asked of a model, in one shape for every adapter. Owned by the call and reset with it: every slice points into <see cref="Text"/>
/// (or into <see cref="Body"/>) and is valid until the call is finished.
/// </summary>
public sealed class ModelRequest
{
    /// <summary>Storage of the slices below.</summary>
    public Utf8Arena Text { get; } = new();

    public ModelOperation Operation { get; set; }

    /// <summary>The candidate's own name for the model; set per attempt.</summary>
    public Utf8Slice Model { get; set; }

    /// <summary>The caller's bytes as received, for pass-through; empty when built inside.</summary>
    public ReadOnlyMemory<byte> Body { get; set; }
    public ApiShape BodyShape { get; set; }

    /// <summary>The caller wants the answer as a stream: what a forwarded body says; the events come as they arrive either way.</summary>
    public bool Streams { get; set; }

    /// <summary>
    /// A field of <see cref="Body"/> that only sending the body on as it is can honour; empty when there is none. Candidates that do not forward
    /// <see cref="BodyShape"/> must not be called: the caller is told this name.
    /// </summary>
    public string VerbatimOnly { get; set; } = "";

    /// <summary>The caller's <c>anthropic-beta</c> header, comma-separated: sent with a forwarded <see cref="Body"/>, since it changes what that means.</summary>
    public Utf8Slice Betas { get; set; }

    /// <summary>The caller's <c>anthropic-version</c> header, empty when it named none: sent with a forwarded <see cref="Body"/>, for the same reason.</summary>
    public Utf8Slice BodyVersion { get; set; }

    public TurnList Turns { get; } = new();
    public List<ToolDefinition> Tools { get; } = [];
    public ToolChoice ToolChoice { get; set; }

    /// <summary>Several tool calls in one answer: null is the model's default.</summary>
    public bool? ParallelToolCalls { get; set; }
    public ReasoningWish Reasoning { get; set; }
    public OutputConstraint Constraint { get; } = new();
    public Sampling Sampling { get; set; }

    /// <summary>Added to the logits of single tokens before sampling; at most 1,024, OpenAI's range -100 to 100.</summary>
    public List<TokenBias> LogitBias { get; } = [];

    /// <summary>The caller's own end user, as it named it (OpenAI's <c>user</c> and <c>safety_identifier</c>, Anthropic's <c>metadata.user_id</c>).</summary>
    public Utf8Slice EndUser { get; set; }

    /// <summary>
    /// For <see cref="ModelOperation.Embed"/> the texts, for <see cref="ModelOperation.Rerank"/> the documents (the query is the one user turn). For
    /// <see cref="ModelOperation.Generate"/> without turns, one text: it is continued as it stands, without a chat template; adapters of chat APIs refuse it.
    /// </summary>
    public List<Utf8Slice> Inputs { get; } = [];

    /// <summary>
    /// For <see cref="ModelOperation.Embed"/>, texts that came as token ids in place of <see cref="Inputs"/>: how many of <see cref="PromptTokens"/> are each one's, in order.
    /// The ids are of the box's own model: adapters of providers refuse them.
    /// </summary>
    public List<int> PromptLengths { get; } = [];

    /// <summary>Texts to embed or documents to rank, however they came.</summary>
    public int InputCount => PromptLengths.Count > 0 ? PromptLengths.Count : Inputs.Count;

    /// <summary>Length of the embeddings; 0 is the model's own.</summary>
    public int EmbedDimensions { get; set; }

    /// <summary>0 means as many as the context holds.</summary>
    public int MaxOutputTokens { get; set; }
    public List<Utf8Slice> Stops { get; } = [];

    /// <summary>How many answers to the same prompt; at least 1.</summary>
    public int Choices { get; set; } = 1;

    /// <summary>How many alternatives' log probabilities a token carries; -1 means none are wanted.</summary>
    public int TopLogProbs { get; set; } = -1;

    /// <summary>The prompt as token ids, when known; then <see cref="Turns"/> is not rendered.</summary>
    public ReadOnlyMemory<int> PromptTokens { get; set; }

    /// <summary>
    /// Tokens of the answer that another candidate with an equal <see cref="NumericsProfile"/> drew and the client has: continue after them, as if they had been
    /// drawn here. Only what comes after them is answered and counted as output; <see cref="MaxOutputTokens"/> counts them too. What the client has beyond the
    /// last of them (a token shown in part, or in the middle of several events) comes again: whoever sets this drops it.
    /// </summary>
    public ReadOnlyMemory<int> ShownTokens { get; set; }

    /// <summary>
    /// The arithmetic that drew what the client has; unknown for an answer from the start. A candidate whose own is another must refuse: it would say something else.
    /// </summary>
    public NumericsProfile ShownNumerics { get; set; }

    /// <summary>
    /// Seeds the draws where <see cref="Sampling"/> has no seed, so that every attempt of one call draws alike: the pipeline sets it. For the box's own engines
    /// and peers only; a provider is never sent a seed that the caller did not give.
    /// </summary>
    public ulong? CallSeed { get; set; }

    public Deadline Deadline { get; set; }

    /// <summary>For servers that queue by priority (vLLM): lower is served earlier, 0 is usual.</summary>
    public int Priority { get; set; }
    public CallIds Ids { get; set; }

    /// <summary>Where an adapter whose calls can stand still attaches this one; null when nobody would hold it. Set per attempt, never copied.</summary>
    public CallHold? Hold { get; set; }

    /// <summary>Class of the data in the appliance's terms, which whoever is asked on this box's behalf must keep to; set per attempt.</summary>
    public int DataClass { get; set; }

    /// <summary>Boxes that the call has passed before this one, the first asked first; none for this box's own calls.</summary>
    public List<Utf8Slice> Visited { get; } = [];

    /// <summary>
    /// Asks the same as another request, for a second attempt beside the first. Slices stay those of the other, which must outlive this one; what one
    /// attempt sets, the other does not see.
    /// </summary>
    public void CopyFrom(ModelRequest other)
    {
        Reset();
        Operation = other.Operation;
        Model = other.Model;
        Body = other.Body;
        BodyShape = other.BodyShape;
        Streams = other.Streams;
        VerbatimOnly = other.VerbatimOnly;
        Betas = other.Betas;
        BodyVersion = other.BodyVersion;
        Turns.CopyFrom(other.Turns);
        Tools.AddRange(other.Tools);
        ToolChoice = other.ToolChoice;
        ParallelToolCalls = other.ParallelToolCalls;
        Reasoning = other.Reasoning;
        Constraint.CopyFrom(other.Constraint);
        Sampling = other.Sampling;
        LogitBias.AddRange(other.LogitBias);
        EndUser = other.EndUser;
        Inputs.AddRange(other.Inputs);
        PromptLengths.AddRange(other.PromptLengths);
        EmbedDimensions = other.EmbedDimensions;
        MaxOutputTokens = other.MaxOutputTokens;
        Stops.AddRange(other.Stops);
        Choices = other.Choices;
        TopLogProbs = other.TopLogProbs;
        PromptTokens = other.PromptTokens;
        ShownTokens = other.ShownTokens;
        ShownNumerics = other.ShownNumerics;
        CallSeed = other.CallSeed;
        Deadline = other.Deadline;
        Priority = other.Priority;
        Ids = other.Ids;
        DataClass = other.DataClass;
        Visited.AddRange(other.Visited);
    }

    public void Reset()
    {
        Operation = ModelOperation.Generate;
        Model = default;
        Body = default;
        BodyShape = ApiShape.None;
        Streams = false;
        VerbatimOnly = "";
        Betas = default;
        BodyVersion = default;
        Turns.Reset();
        Tools.Clear();
        ToolChoice = default;
        ParallelToolCalls = null;
        Reasoning = default;
        Constraint.Reset();
        Sampling = default;
        LogitBias.Clear();
        EndUser = default;
        Inputs.Clear();
        PromptLengths.Clear();
        EmbedDimensions = 0;
        MaxOutputTokens = 0;
        Stops.Clear();
        Choices = 1;
        TopLogProbs = -1;
        PromptTokens = default;
        ShownTokens = default;
        ShownNumerics = default;
        CallSeed = null;
        Deadline = default;
        Priority = 0;
        Ids = default;
        Hold = null;
        DataClass = 0;
        Visited.Clear();
        Text.Reset();
    }
}
