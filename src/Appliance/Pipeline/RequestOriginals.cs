using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Pipeline;

/// <summary>The fields of a request that attempts set, as the caller gave them.</summary>
internal readonly record struct RequestOriginals(Utf8Slice Model, int MaxOutputTokens, ApiShape BodyShape)
{
    public static RequestOriginals Of(ModelRequest request) => new(request.Model, request.MaxOutputTokens, request.BodyShape);

    public void Restore(ModelRequest request)
    {
        request.Model = Model;
        request.MaxOutputTokens = MaxOutputTokens;
        request.BodyShape = BodyShape;
    }
}
