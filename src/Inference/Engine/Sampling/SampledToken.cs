namespace Jesus.Inference.Engine.Sampling;

public enum SampleError : byte
{
    None,

    /// <summary>A logit is NaN or plus infinity: the forward pass is broken and the answer must end with an error.</summary>
    NotANumber,

    /// <summary>No token is allowed, or all allowed ones have logit minus infinity.</summary>
    NothingAllowed,
}

/// <summary>A drawn token.</summary>
/// <param name="Token">Its id; -1 with an error.</param>
/// <param name="LogProb">Natural logarithm of its probability under the model's own distribution (no mask, no penalty, temperature 1); 0 when not asked for.</param>
/// <param name="Error">Why there is no token.</param>
public readonly record struct SampledToken(int Token, float LogProb, SampleError Error = SampleError.None)
{
    public static SampledToken Failed(SampleError error) => new(-1, 0, error);
}

/// <summary>A token that might have been drawn.</summary>
/// <param name="Token">Its id.</param>
/// <param name="LogProb">Natural logarithm of its probability under the model's own distribution.</param>
public readonly record struct TokenAlternative(int Token, float LogProb);
