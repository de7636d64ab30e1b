namespace Jesus.Inference.Contract;

/// <summary>How the next token is drawn. The default draws the likeliest (greedy).</summary>
public readonly record struct Sampling
{
    /// <summary>0 is greedy; 0 to 2.</summary>
    public float Temperature { get; init; }

    /// <summary>Keep the k likeliest; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keep the smallest set with at least this probability; 0 and 1 keep all.</summary>
    public float TopP { get; init; }

    /// <summary>Drop tokens below this share of the likeliest one's probability; 0 keeps all.</summary>
    public float MinP { get; init; }

    /// <summary>Counter-based noise is keyed by (seed, choice, position); null means <see cref="ModelRequest.CallSeed"/>, else one drawn at admission.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Which of the fields above the caller set: providers have other defaults than greedy.</summary>
    public SamplingFields Given { get; init; }

    public float FrequencyPenalty { get; init; }
    public float PresencePenalty { get; init; }

    /// <summary>Keep the tokens whose surprise is nearest to the expected one, up to this probability; 0 and 1 keep all.</summary>
    public float TypicalP { get; init; }

    /// <summary>Divides positive logits of tokens said before and multiplies negative ones; 0 and 1 change nothing.</summary>
    public float RepetitionPenalty { get; init; }

    /// <summary>Over how many of the last tokens of prompt and answer repetition is looked for; 0 is all of them, below 0 none.</summary>
    public int RepetitionLastN { get; init; }

    /// <summary>There is something to remember of earlier tokens for <see cref="RepetitionPenalty"/>.</summary>
    public bool PenalisesRepetition => RepetitionPenalty is not (0 or 1) && RepetitionLastN >= 0;
}

/// <summary>Fields of a <see cref="Sampling"/> that a caller gave.</summary>
[Flags]
public enum SamplingFields : byte
{
    None = 0,
    Temperature = 1,
    TopP = 2,
    TopK = 4,
    MinP = 8,
    TypicalP = 16,
    RepetitionPenalty = 32,
    RepetitionLastN = 64,
}

/// <summary>A number added to one token's logit.</summary>
public readonly record struct TokenBias(int Token, float Bias);
