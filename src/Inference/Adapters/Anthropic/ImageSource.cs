using System.Text.Json;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>An image's address as the API's <c>source</c>: <c>data:TYPE;base64,DATA</c> (RFC 2397) or an address on the web.</summary>
internal static class ImageSource
{
    private static ReadOnlySpan<byte> DataScheme => "data:"u8;
    private static ReadOnlySpan<byte> Base64Mark => ";base64,"u8;

    public static bool IsKnown(Utf8Slice address) =>
        address.Span.StartsWith("https://"u8) || address.Span.StartsWith("http://"u8) || TrySplit(address, out _, out _);

    public static void Write(Utf8JsonWriter json, Utf8Slice address)
    {
        json.WriteStartObject("source"u8);
        if (TrySplit(address, out var type, out var data))
        {
            json.WriteString("type"u8, "base64"u8);
            json.WriteString("media_type"u8, type);
            json.WriteString("data"u8, data);
        }
        else
        {
            json.WriteString("type"u8, "url"u8);
            json.WriteString("url"u8, address.Span);
        }

        json.WriteEndObject();
    }

    private static bool TrySplit(Utf8Slice address, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data)
    {
        type = data = default;
        var span = address.Span;
        var mark = span.IndexOf(Base64Mark);
        if (!span.StartsWith(DataScheme) || mark <= DataScheme.Length)
        {
            return false;
        }

        type = span[DataScheme.Length..mark];
        data = span[(mark + Base64Mark.Length)..];
        return !data.IsEmpty;
    }
}
