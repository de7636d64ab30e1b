using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Sampling;

namespace Jesus.Inference.Engine.Batching;

/// <summary>Whether a request can be run at all; pure. A refusal names the field, what was asked and what is allowed.</summary>
internal static class AdmissionRules
{
    /// <summary>No error, or why not. Clamps the output to what the context leaves.</summary>
    public static ModelError Check(Generation generation, BatchLimits limits, int contextTokens, int vocabularyCount)
    {
        if (generation.Choices < 1 || generation.Choices > limits.ChoicesMax)
        {
            return Refuse("n", $"{generation.Choices} choices were asked for; 1 to {limits.ChoicesMax} are allowed.");
        }

        if (generation.ShownCount > 0 && generation.Choices > 1)
        {
            return Refuse("n", $"{generation.Choices} choices were asked for; an answer that goes on after shown tokens is one.");
        }

        if (generation.Prompt.Count == 0)
        {
            return Refuse("messages", "The prompt has no tokens; send at least one message.");
        }

        foreach (var id in generation.Prompt.Span)
        {
            if ((uint)id >= (uint)vocabularyCount)
            {
                return Refuse("prompt", $"Token {id} is outside the model's vocabulary of {vocabularyCount}.");
            }
        }

        foreach (var (token, bias) in generation.LogitBias)
        {
            if ((uint)token >= (uint)vocabularyCount || !float.IsFinite(bias))
            {
                return Refuse("logit_bias", $"logit_bias gives token {token} a bias of {bias}; tokens are 0 to {vocabularyCount - 1}, biases finite numbers.");
            }
        }

        if (generation.TopLogProbs is < 0 or > Sampler.TopLogProbsMax)
        {
            return Refuse("top_logprobs", $"{generation.TopLogProbs} alternatives of each token were asked for; 0 to {Sampler.TopLogProbsMax} are allowed.");
        }

        return CheckStops(generation) is { IsNone: false } stops ? stops : FitContext(generation, contextTokens);
    }

    private static ModelError CheckStops(Generation generation)
    {
        if (generation.Stops.Count > BatchLimits.StopsMax)
        {
            return Refuse("stop", $"{generation.Stops.Count} stop strings were given; {BatchLimits.StopsMax} are allowed.");
        }

        foreach (var stop in generation.Stops)
        {
            if (stop.Length > BatchLimits.StopBytesMax)
            {
                return Refuse("stop", $"A stop string has {stop.Length} bytes; {BatchLimits.StopBytesMax} are allowed.");
            }
        }

        return default;
    }

    private static ModelError FitContext(Generation generation, int contextTokens)
    {
        var shown = generation.ShownCount;
        var prompt = generation.Prompt.Count - shown;
        if (prompt >= contextTokens || prompt + shown > contextTokens)
        {
            return new ModelError(ErrorCause.ContextTooSmall,
                $"The prompt has {prompt + shown} tokens, and this model holds {contextTokens} with the answer; shorten the prompt or choose a model with a longer context.",
                "messages");
        }

        var room = contextTokens - prompt;
        generation.OutputTokensMax = generation.OutputTokensMax <= 0 ? room : Math.Min(generation.OutputTokensMax, room);
        return generation.OutputTokensMax >= shown
            ? default
            : Refuse("max_tokens", $"{shown} tokens are already shown, but at most {generation.OutputTokensMax} were asked for; they are of another answer.");
    }

    private static ModelError Refuse(string field, string message) => new(ErrorCause.UnsupportedField, message, field);
}
