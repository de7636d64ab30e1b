using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>Sends the caller's own body on, byte for byte but for the model's name.</summary>
internal static class MessagesForward
{
    public static bool Applies(ModelRequest request) => request.BodyShape == ApiShape.AnthropicMessages && !request.Body.IsEmpty;

    public static ModelError Write(ModelRequest request, PooledBuffer body)
    {
        try
        {
            Copy(request.Body.Span, request.Model.Span, body);
            return default;
        }
        catch (JsonException broken)
        {
            return new ModelError(ErrorCause.Refused, $"The body is not valid JSON: {broken.Message}");
        }
    }

    private static void Copy(ReadOnlySpan<byte> source, ReadOnlySpan<byte> model, PooledBuffer body)
    {
        var reader = new Utf8JsonReader(source);
        reader.Read();
        var copied = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isModel = reader.ValueTextEquals("model"u8);
            reader.Read();
            if (isModel)
            {
                body.Write(source[copied..(int)reader.TokenStartIndex]);
                QuotedText.Write(model, body);
            }

            reader.Skip();
            copied = isModel ? (int)reader.BytesConsumed : copied;
        }

        body.Write(source[copied..]);
    }
}
