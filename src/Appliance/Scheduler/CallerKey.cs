using Jesus.Inference.Contract;

namespace Jesus.Appliance.Scheduler;

/// <summary>
/// What a call is known by when it comes back after a refusal: who asks, for what, and the question's length, beginning and end. Of this process only; costs a microsecond or two
/// whatever the question's length.
/// </summary>
public static class CallerKey
{
    /// <summary>Bytes of each end that are looked at: questions that differ do so within them, or in length.</summary>
    private const int EndBytes = 2_048;

    /// <returns>Never 0.</returns>
    public static ulong Of(string principal, string model, ModelRequest request)
    {
        var hash = new HashCode();
        hash.Add(principal, StringComparer.Ordinal);
        hash.Add(model, StringComparer.Ordinal);
        AddEnds(ref hash, request.Body.Span);
        hash.Add(request.Turns.Count);
        hash.Add(request.Inputs.Count);
        if (request.Turns.Count > 0)
        {
            foreach (ref readonly var part in request.Turns.PartsOf(request.Turns.Count - 1))
            {
                AddEnds(ref hash, part.Text.Span);
            }
        }

        if (request.Inputs.Count > 0)
        {
            AddEnds(ref hash, request.Inputs[0].Span);
        }

        return (1UL << 32) | (uint)hash.ToHashCode();
    }

    private static void AddEnds(ref HashCode hash, ReadOnlySpan<byte> text)
    {
        hash.Add(text.Length);
        hash.AddBytes(text[..Math.Min(text.Length, EndBytes)]);
        hash.AddBytes(text[Math.Max(0, text.Length - EndBytes)..]);
    }
}
