using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Pipeline;

/// <summary>The fields of a request that attempts set, as the caller gave them.</summary>
internal readonly record struct RequestOriginals(
    Utf8Slice Model, int MaxOutputTokens, ApiShape BodyShape, ReadOnlyMemory<int> ShownTokens, NumericsProfile ShownNumerics, ulong? CallSeed)
{
    public static RequestOriginals Of(ModelRequest request) =>
        new(request.Model, request.MaxOutputTokens, request.BodyShape, request.ShownTokens, request.ShownNumerics, request.CallSeed);

    /// <summary>The call's seed is not touched: it holds for every attempt.</summary>
    public void Restore(ModelRequest request)
    {
        request.Model = Model;
        request.MaxOutputTokens = MaxOutputTokens;
        request.BodyShape = BodyShape;
        request.ShownTokens = ShownTokens;
        request.ShownNumerics = ShownNumerics;
    }

    /// <summary>The call is over.</summary>
    public void RestoreAll(ModelRequest request)
    {
        Restore(request);
        request.CallSeed = CallSeed;
        request.Hold = null;
    }
}
