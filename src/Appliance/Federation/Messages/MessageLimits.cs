namespace Jesus.Appliance.Federation.Messages;

/// <summary>Counts that no well-meant message comes near. Without them a message of small elements would make a list many times its own size.</summary>
internal static class MessageLimits
{
    /// <summary>A long agent conversation has some hundreds of turns.</summary>
    public const int TurnsMax = 16_384;

    /// <summary>Parts of one turn: results of parallel tool calls, images of a document.</summary>
    public const int PartsMax = 16_384;

    /// <summary>OpenAI takes 128 tools.</summary>
    public const int ToolsMax = 4_096;

    /// <summary>OpenAI's limit of biased tokens, which the doors enforce.</summary>
    public const int LogitBiasMax = 1_024;

    /// <summary>OpenAI takes 2,048 texts to embed.</summary>
    public const int InputsMax = 16_384;

    /// <summary>OpenAI takes 4 stop texts, vLLM more.</summary>
    public const int StopsMax = 1_024;

    /// <summary>OpenAI takes 128 choices.</summary>
    public const int ChoicesMax = 1_024;

    /// <summary>Peers that a request passed: more than <c>maxHops</c> will ever allow.</summary>
    public const int VisitedMax = 64;

    /// <summary>Log probabilities of one event: its tokens times 21 (OpenAI's 20 alternatives).</summary>
    public const int LogProbsMax = 65_536;

    /// <summary>Models of one box.</summary>
    public const int ModelsMax = 4_096;

    /// <summary>Inputs of a run.</summary>
    public const int RunInputsMax = 1_024;

    /// <summary>What a pooled message keeps of its storage between uses; an unusual one gives back what it grew by.</summary>
    public const int KeptBytesMax = 256 * 1024;

    /// <summary>The same for its numbers: prompts as token ids.</summary>
    public const int KeptNumbersMax = 64 * 1024;
}
