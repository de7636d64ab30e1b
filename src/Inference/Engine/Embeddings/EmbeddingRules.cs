using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>Whether texts can be embedded at all; pure. A refusal names the text, what was asked and what is allowed; nothing is ever cut.</summary>
internal static class EmbeddingRules
{
    public static ModelError Check(EmbeddingCall call, int contextTokens, int vocabularyCount)
    {
        if (call.Count is 0 or > EmbeddingLimits.TextsMax)
        {
            return Refuse($"{call.Count} texts were sent; 1 to {EmbeddingLimits.TextsMax} are allowed. Send several requests.");
        }

        if (call.Tokens.Count > EmbeddingLimits.TokensMax)
        {
            return Refuse($"The texts have {call.Tokens.Count} tokens together; {EmbeddingLimits.TokensMax} are allowed. Send several requests.");
        }

        for (var i = 0; i < call.Count; i++)
        {
            if (call.Length(i) == 0)
            {
                return Refuse($"Text {i} has no tokens; send some text.");
            }

            if (call.Length(i) > contextTokens)
            {
                return new ModelError(ErrorCause.ContextTooSmall,
                    $"Text {i} has {call.Length(i)} tokens, and this model holds {contextTokens}; send it in pieces, or choose a model with a longer context.", "input");
            }
        }

        foreach (var id in call.Tokens.Span)
        {
            if ((uint)id >= (uint)vocabularyCount)
            {
                return Refuse($"Token {id} is outside the model's vocabulary of {vocabularyCount}.");
            }
        }

        return default;
    }

    private static ModelError Refuse(string message) => new(ErrorCause.UnsupportedField, message, "input");
}
