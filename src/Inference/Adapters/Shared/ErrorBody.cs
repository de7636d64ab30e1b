using System.Text;
using System.Text.Json;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Reads <c>{"error": {"code", "type", "message"}}</c> and its common variants; never fails.</summary>
internal static class ErrorBody
{
    /// <returns>Code (or type) and message; empty where the body says none.</returns>
    public static (string Code, string Message) Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? ReadFields(ref reader) : ("", "");
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            return ("", "");
        }
    }

    /// <summary>Inside an object: its own code and message, or those of its <c>error</c>.</summary>
    public static (string Code, string Message) ReadFields(ref Utf8JsonReader reader)
    {
        string code = "", type = "", message = "";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isCode = reader.ValueTextEquals("code"u8);
            var isType = reader.ValueTextEquals("type"u8);
            var isMessage = reader.ValueTextEquals("message"u8) || reader.ValueTextEquals("detail"u8);
            var isError = reader.ValueTextEquals("error"u8);
            reader.Read();
            if (isError && reader.TokenType == JsonTokenType.StartObject)
            {
                (code, message) = ReadFields(ref reader);
                continue;
            }

            // A code may be a number: some servers repeat the status.
            var text = reader.TokenType == JsonTokenType.String ? Text(reader)
                : reader.TokenType == JsonTokenType.Number ? Encoding.UTF8.GetString(reader.ValueSpan) : "";
            code = isCode ? text : code;
            type = isType ? text : type;
            message = isMessage || isError ? text : message;
            reader.Skip();
        }

        return (code.Length > 0 ? code : type, message);
    }

    /// <summary>A string's text, whatever bytes it has.</summary>
    public static string Text(in Utf8JsonReader reader)
    {
        using var output = new Transport.Buffers.PooledBuffer(256);
        default(Utf8Tail).Append(reader.ValueSpan, output);
        return Encoding.UTF8.GetString(output.Span);
    }
}
