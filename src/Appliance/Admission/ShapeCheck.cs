using Jesus.Inference.Contract;

namespace Jesus.Appliance.Admission;

/// <summary>Limits on the request's own numbers; pure.</summary>
internal static class ShapeCheck
{
    public static ModelError Check(ModelRequest request, LimitsOptions limits)
    {
        if (request.Choices < 1 || request.Choices > limits.Choices)
        {
            return Refuse("n", $"n is {request.Choices}; 1 to {limits.Choices} are allowed (limits.choices).");
        }

        if (request.MaxOutputTokens < 0 || request.MaxOutputTokens > limits.MaxOutputTokens)
        {
            return Refuse("max_tokens", $"max_tokens is {request.MaxOutputTokens}; up to {limits.MaxOutputTokens} are allowed (limits.maxOutputTokens).");
        }

        return request.Turns.Count > limits.Turns
            ? Refuse("messages", $"The conversation has {request.Turns.Count} turns; up to {limits.Turns} are allowed (limits.turns).")
            : default;
    }

    private static ModelError Refuse(string param, string message) => new(ErrorCause.Refused, message, param);
}
