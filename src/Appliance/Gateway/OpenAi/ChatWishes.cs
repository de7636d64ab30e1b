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
}
