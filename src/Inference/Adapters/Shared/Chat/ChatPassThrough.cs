using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>
/// Sends the caller's own body on: every member byte for byte but the model's name and how the answer streams, which this adapter sets, and the appliance's
/// own extension <c>inputs</c>, which no other server knows.
/// </summary>
internal static class ChatPassThrough
{
    public static ModelError Write(ModelRequest request, PooledBuffer body)
    {
        body.Write("{\"model\":"u8);
        WriteQuoted(request.Model.Span, body);
        body.Write(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"u8);
        try
        {
            CopyMembers(request.Body.Span, body);
        }
        catch (JsonException broken)
        {
            return new ModelError(ErrorCause.Refused, $"The body is not valid JSON: {broken.Message}");
        }

        body.Write((byte)'}');
        return default;
    }

    private static void CopyMembers(ReadOnlySpan<byte> source, PooledBuffer body)
    {
        var reader = new Utf8JsonReader(source);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var own = reader.ValueTextEquals("model"u8) || reader.ValueTextEquals("stream"u8)
                || reader.ValueTextEquals("stream_options"u8) || reader.ValueTextEquals("inputs"u8);
            var start = (int)reader.TokenStartIndex;
            reader.Read();
            reader.Skip();
            if (!own)
            {
                body.Write((byte)',');
                body.Write(source[start..(int)reader.BytesConsumed]);
            }
        }
    }

    private static void WriteQuoted(ReadOnlySpan<byte> text, PooledBuffer body)
    {
        var encoded = JsonEncodedText.Encode(text);
        body.Write((byte)'"');
        body.Write(encoded.EncodedUtf8Bytes);
        body.Write((byte)'"');
    }
}
