namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// What a model computes, as numbers: an architecture's reader makes it, every backend computes it. Which norms, biases, gates and experts there are, the tensors
/// say (<see cref="WeightSlot"/>): a slot without a tensor is a step left out. Counts, except where said; the kernels' limits stand in jesus_native.h.
/// </summary>
public sealed record ModelShape
{
    /// <summary>As the file names it (<c>general.architecture</c>): for people and metrics, not computed with.</summary>
    public string Architecture { get; init; } = "llama";
    public required int Layers { get; init; }

    /// <summary>Dimensions of the residual stream.</summary>
    public required int Width { get; init; }
    public required int Heads { get; init; }

    /// <summary>Key and value heads; each serves Heads / KvHeads query heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Dimensions of one head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Rows of the gate and up matrices of layers without experts; 0 when no layer is such.</summary>
    public required int Ffn { get; init; }
    public required int Vocabulary { get; init; }

    /// <summary>Positions the model was trained for: 0 to Context - 1.</summary>
    public required int Context { get; init; }

    public NormKind Norm { get; init; }

    /// <summary>Added under the root of every norm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Scores are multiplied by it; 0: 1 / sqrt(HeadDim).</summary>
    public float AttentionScale { get; init; }

    /// <summary>Scores s become c tanh(s / c), after the scale and before the softmax; 0: none (gemma2).</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>The same of the logits, after <see cref="LogitScale"/>; 0: none.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>Token embeddings are multiplied by it (gemma: sqrt(Width); granite).</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>What a block adds to the residual is multiplied by it (granite).</summary>
    public float ResidualScale { get; init; } = 1;

    /// <summary>Logits are multiplied by it; granite files state the divisor.</summary>
    public float LogitScale { get; init; } = 1;

    public RopeStyle RopeStyle { get; init; }

    /// <summary>Tables that <see cref="LayerShape.Rope"/> chooses from; empty: nothing is rotated.</summary>
    public IReadOnlyList<RopeTable> Ropes { get; init; } = [];

    /// <summary>One for each layer, or empty when all layers are <see cref="LayerShape.Default"/>.</summary>
    public IReadOnlyList<LayerShape> LayerShapes { get; init; } = [];

    public Activation Activation { get; init; }

    /// <summary>Of <see cref="Activation.SwiGluLimited"/>: gate sigmoid(alpha gate) (up + 1), the gate at most the limit, up within plus and minus it.</summary>
    public float ActivationAlpha { get; init; }
    public float ActivationLimit { get; init; }

    /// <summary>Experts of each layer that has a router; 0: none.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that compute a token, 1 to Experts.</summary>
    public int ExpertsUsed { get; init; }

    /// <summary>Rows of one expert's gate and up matrices.</summary>
    public int ExpertFfn { get; init; }

    /// <summary>Rows of the shared expert's; 0: there is none (qwen2moe).</summary>
    public int SharedExpertFfn { get; init; }
    public ExpertGating Gating { get; init; }

    /// <summary>The experts' weights are multiplied by it after the gating.</summary>
    public float ExpertScale { get; init; } = 1;

    /// <summary>False for encoders: every position sees every other of its sequence, in one pass and without a KV cache.</summary>
    public bool IsCausal { get; init; } = true;

    /// <summary>Rows of the token-type embedding; 0: there is none. All tokens are of type 0 unless the batch says otherwise.</summary>
    public int TokenTypes { get; init; }

    /// <summary>How a text's embedding is made of its positions' hidden states, as the file says.</summary>
    public Pooling Pooling { get; init; }

    public LayerShape Layer(int index) => LayerShapes.Count > 0 ? LayerShapes[index] : LayerShape.Default;

    /// <summary>The table by which a layer rotates queries and keys; null: it does not.</summary>
    public RopeTable? RopeOf(int layer) => Layer(layer).Rope is var rope && rope >= 0 && rope < Ropes.Count ? Ropes[rope] : null;
}

/// <summary>What differs between layers.</summary>
/// <param name="Window">A position sees itself and the <c>Window - 1</c> before it; 0: all before it.</param>
/// <param name="Rope">Index into <see cref="ModelShape.Ropes"/>; -1: this layer rotates nothing.</param>
public readonly record struct LayerShape(int Window, int Rope)
{
    public static LayerShape Default => new(0, 0);
}

/// <summary>Rotary embedding: pair i of a head's dimensions turns by <c>position * Frequencies[i]</c>; dimensions past the pairs stay.</summary>
/// <param name="Frequencies">Radians per position, at most 64.</param>
/// <param name="AttentionFactor">Rotated dimensions are multiplied by it, in queries and keys (YaRN, long factors); 1: not.</param>
public sealed record RopeTable(double[] Frequencies, double AttentionFactor = 1)
{
    public int Dims => Frequencies.Length * 2;
}

/// <summary>How rotary embedding pairs the dimensions of a head, numbered as in the kernels' ABI.</summary>
public enum RopeStyle
{
    /// <summary>(0, 1), (2, 3) ...: llama, mistral, granite files.</summary>
    Pairs = 0,

    /// <summary>(0, n/2), (1, n/2 + 1) ... of the n rotated dimensions: most others.</summary>
    Halves = 1,
}

/// <summary>Numbered as in the kernels' ABI.</summary>
public enum NormKind
{
    /// <summary>x / sqrt(mean(x^2) + epsilon) * weight.</summary>
    Rms = 0,

    /// <summary>(x - mean) / sqrt(variance + epsilon) * weight + bias.</summary>
    LayerNorm = 1,
}

/// <summary>Between the up and down matrices, numbered as in the kernels' ABI. x sigmoid(x) is SiLU.</summary>
public enum Activation
{
    /// <summary>SiLU(gate) * up.</summary>
    SwiGlu = 0,

    /// <summary>GELU(gate) * up, GELU by its tanh form: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).</summary>
    GeGlu = 1,

    /// <summary>gpt-oss: see <see cref="ModelShape.ActivationAlpha"/>.</summary>
    SwiGluLimited = 2,

    /// <summary>GELU(up) without a gate, x/2 (1 + erf(x / sqrt(2))).</summary>
    Gelu = 3,
}

/// <summary>How the router's scores become the chosen experts' weights, numbered as in the kernels' ABI. Of equal scores the lower expert goes first.</summary>
public enum ExpertGating
{
    /// <summary>Softmax over all experts, the highest kept as they are (qwen2moe).</summary>
    SoftmaxThenTop = 0,

    /// <summary>The same, then divided by the sum of the kept (mixtral, qwen3moe).</summary>
    SoftmaxThenTopNormalised = 1,

    /// <summary>The highest scores, then the softmax over them (gpt-oss).</summary>
    TopThenSoftmax = 2,
}

/// <summary>Numbered as <c>pooling_type</c> in files.</summary>
public enum Pooling
{
    None = 0,
    Mean = 1,
    Cls = 2,
    Last = 3,
    Rank = 4,
}
