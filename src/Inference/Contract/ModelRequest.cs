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

    public TurnList Turns { get; } = new();
    public List<ToolDefinition> Tools { get; } = [];
    public ToolChoice ToolChoice { get; set; }
    public OutputConstraint Constraint { get; } = new();
    public Sampling Sampling { get; set; }

    /// <summary>0 means as many as the context holds.</summary>
    public int MaxOutputTokens { get; set; }
    public List<Utf8Slice> Stops { get; } = [];

    /// <summary>How many answers to the same prompt; at least 1.</summary>
    public int Choices { get; set; } = 1;

    /// <summary>How many alternatives' log probabilities a token carries; -1 means none are wanted.</summary>
    public int TopLogProbs { get; set; } = -1;

    /// <summary>The prompt as token ids, when known; then <see cref="Turns"/> is not rendered.</summary>
    public ReadOnlyMemory<int> PromptTokens { get; set; }

    /// <summary>Tokens already shown to the client by a lost candidate: continue after them.</summary>
    public ReadOnlyMemory<int> ShownTokens { get; set; }

    public Deadline Deadline { get; set; }
    public CallIds Ids { get; set; }

    public void Reset()
    {
        Operation = ModelOperation.Generate;
        Model = default;
        Body = default;
        BodyShape = ApiShape.None;
        Turns.Reset();
        Tools.Clear();
        ToolChoice = default;
        Constraint.Reset();
        Sampling = default;
        MaxOutputTokens = 0;
        Stops.Clear();
        Choices = 1;
        TopLogProbs = -1;
        PromptTokens = default;
        ShownTokens = default;
        Deadline = default;
        Ids = default;
        Text.Reset();
    }
}
