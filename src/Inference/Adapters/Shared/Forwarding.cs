using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>How an answer is passed on beside the events read from it.</summary>
/// <param name="Shape">The caller's body went out as it came, in this shape, so the server's own bytes go back; <see cref="ApiShape.None"/>: they do not.</param>
/// <param name="HideUsage">An object that holds only usage was asked for by us, and the caller must not see it.</param>
internal readonly record struct Forwarding(ApiShape Shape, bool HideUsage = false)
{
    public bool IsWire => Shape != ApiShape.None;
}
