using System.Text.Encodings.Web;
using System.Text.Json;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>A JSON string written into bytes that are otherwise copied.</summary>
internal static class QuotedText
{
    public static void Write(ReadOnlySpan<byte> utf8, PooledBuffer to)
    {
        to.Write((byte)'"');
        if (utf8.IndexOfAny((byte)'"', (byte)'\\') < 0 && utf8.IndexOfAnyInRange((byte)0, (byte)0x1F) < 0)
        {
            to.Write(utf8);
        }
        else
        {
            to.Write(JsonEncodedText.Encode(utf8, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
        }

        to.Write((byte)'"');
    }
}
