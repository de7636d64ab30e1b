using System.Text.Json;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// The API takes ids of letters, digits, <c>_</c> and <c>-</c>. Other providers give others (<c>functions.add:0</c>); within a conversation an id has only to
/// match its result, so those are written in hexadecimal.
/// </summary>
internal static class ToolCallId
{
    /// <summary>The API's own limit is not stated; ids of all known providers are shorter than this.</summary>
    private const int BytesMax = 256;

    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> name, Utf8Slice id)
    {
        if (id.Length > BytesMax || IsAllowed(id.Span))
        {
            json.WriteString(name, id.Span);
            return;
        }

        Span<char> hex = stackalloc char[2 + (BytesMax * 2)];
        "x-".CopyTo(hex);
        Convert.TryToHexStringLower(id.Span, hex[2..], out var written);
        json.WriteString(name, hex[..(2 + written)]);
    }

    private static bool IsAllowed(ReadOnlySpan<byte> id)
    {
        foreach (var letter in id)
        {
            if (!char.IsAsciiLetterOrDigit((char)letter) && letter is not ((byte)'_' or (byte)'-'))
            {
                return false;
            }
        }

        return true;
    }
}
