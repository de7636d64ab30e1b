namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>What the caller wants of the answer's form; the rest of the request is in the <see cref="Inference.Contract.ModelRequest"/>.</summary>
internal record struct ChatWishes
{
    /// <summary>The model's or route's name as written.</summary>
    public string Model { get; set; }
    public bool Stream { get; set; }

    /// <summary>A last chunk carries the usage.</summary>
    public bool IncludeUsage { get; set; }
    public bool LogProbs { get; set; }

    /// <summary>False keeps only the first tool call of a choice.</summary>
    public bool ParallelToolCalls { get; set; }

    /// <summary>Where in the body the list of the tools that may be called begins; 0 when all may.</summary>
    public int AllowedTools { get; set; }

    /// <summary>Plain completions: <c>best_of</c>; 0 when not said.</summary>
    public int BestOf { get; set; }

    /// <summary>Embeddings: as base64 of little-endian floats.</summary>
    public bool Base64 { get; set; }

    /// <summary>Reranking: how many of the best; 0 for all.</summary>
    public int TopN { get; set; }

    /// <summary>Reranking: each document's text beside its score.</summary>
    public bool ReturnDocuments { get; set; }

    /// <summary>A wish was spelled as some servers of this API spell it: the request is built anew for each candidate, in the words that it knows.</summary>
    public bool InOtherWords { get; set; }
}
