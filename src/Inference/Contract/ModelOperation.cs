namespace Jesus.Inference.Contract;

/// <summary>What a model is asked to do.</summary>
public enum ModelOperation : byte
{
    Generate,
    Embed,
    Rerank,
    CountTokens,
}

/// <summary>The API in which <see cref="ModelRequest.Body"/> is written; <see cref="None"/> when the request was built inside.</summary>
public enum ApiShape : byte
{
    None,
    OpenAiChat,
    OpenAiResponses,
    OpenAiCompletions,
    AnthropicMessages,
}
