using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>Sends the caller's own body on, byte for byte but for the model's name: a response always states its usage.</summary>
internal static class ResponsesForward
{
    public static ModelError Write(ModelRequest request, PooledBuffer body)
    {
        try
        {
            var copy = new BodySplice(request.Body.Span, body);
            while (copy.NextMember())
            {
                if (copy.NameIs("model"u8))
                {
                    copy.ReplaceWithText(request.Model.Span);
                }
            }

            copy.End(default);
            return default;
        }
        catch (JsonException broken)
        {
            return new ModelError(ErrorCause.Refused, $"The body is not valid JSON: {broken.Message}");
        }
    }
}
