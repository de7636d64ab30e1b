using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>Writes <c>cache_control</c> (Anthropic's documentation, "Prompt caching").</summary>
internal static class CacheControl
{
    public static void Write(Utf8JsonWriter json, CacheMark mark)
    {
        if (mark == CacheMark.None)
        {
            return;
        }

        json.WriteStartObject("cache_control"u8);
        json.WriteString("type"u8, "ephemeral"u8);
        if (mark == CacheMark.OneHour)
        {
            json.WriteString("ttl"u8, "1h"u8);
        }

        json.WriteEndObject();
    }
}
