using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// What the caller wants of the response beside the <see cref="Inference.Contract.ModelRequest"/>, and what the response object says of the request. Reset
/// with its exchange.
/// </summary>
internal sealed class ResponseWishes
{
    /// <summary>The model's or route's name as written.</summary>
    public string Model { get; set; } = "";
    public bool Stream { get; set; }

    /// <summary>Kept for 30 days unless the caller says no, as OpenAI does.</summary>
    public bool Store { get; set; } = true;
    public bool Background { get; set; }

    /// <summary>Log probabilities are part of the answer.</summary>
    public bool LogProbs { get; set; }

    /// <summary>False keeps only the first tool call of an answer.</summary>
    public bool ParallelToolCalls { get; set; } = true;

    /// <summary>Reasoning is shown as its summary, not as its text.</summary>
    public bool ReasoningSummary { get; set; }

    /// <summary>The reasoning's proof goes to the caller, who sends it back with the conversation.</summary>
    public bool EncryptedReasoning { get; set; }
    public string PreviousResponseId { get; set; } = "";

    /// <summary>Parts of the request as the caller wrote them, for the response object; empty where it did not.</summary>
    public Utf8Slice Input { get; set; }
    public Utf8Slice Instructions { get; set; }
    public Utf8Slice Tools { get; set; }
    public Utf8Slice ToolChoice { get; set; }
    public Utf8Slice Text { get; set; }
    public Utf8Slice Reasoning { get; set; }
    public Utf8Slice Metadata { get; set; }
    public Utf8Slice User { get; set; }
    public Utf8Slice SafetyIdentifier { get; set; }
    public float? Temperature { get; set; }
    public float? TopP { get; set; }
    public int TopLogProbs { get; set; }
    public int MaxOutputTokens { get; set; }

    public void Reset()
    {
        Model = "";
        Stream = false;
        Store = true;
        Background = false;
        LogProbs = false;
        ParallelToolCalls = true;
        ReasoningSummary = false;
        EncryptedReasoning = false;
        PreviousResponseId = "";
        Input = default;
        Instructions = default;
        Tools = default;
        ToolChoice = default;
        Text = default;
        Reasoning = default;
        Metadata = default;
        User = default;
        SafetyIdentifier = default;
        Temperature = null;
        TopP = null;
        TopLogProbs = 0;
        MaxOutputTokens = 0;
    }
}
