using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>
/// An older server ignores fields that it does not know and says nothing: nats-server 2.9 so drops <c>filter_subjects</c>, <c>compression</c>,
/// <c>allow_msg_ttl</c>. It echoes the configuration that holds, so whatever was asked for must stand in it. What is left out of a request is the server's to choose.
/// </summary>
internal static class EchoCheck
{
    /// <returns>The first field that the echo lacks or has differently; null when all that was asked for holds.</returns>
    public static string? FirstIgnored(ReadOnlyMemory<byte> asked, JsonElement echoed)
    {
        using var document = JsonDocument.Parse(asked);
        foreach (var field in document.RootElement.EnumerateObject())
        {
            if (!echoed.TryGetProperty(field.Name, out var echo) || !Same(field.Value, echo))
            {
                return field.Name;
            }
        }

        return null;
    }

    private static bool Same(JsonElement asked, JsonElement echoed) => asked.ValueKind switch
    {
        JsonValueKind.Number => echoed.ValueKind == JsonValueKind.Number && asked.TryGetInt64(out var a) && echoed.TryGetInt64(out var b) && a == b,
        JsonValueKind.String => echoed.ValueKind == JsonValueKind.String && SameText(asked, echoed),
        JsonValueKind.Array => echoed.ValueKind == JsonValueKind.Array && SameItems(asked, echoed),
        _ => asked.ValueKind == echoed.ValueKind,
    };

    /// <summary>Moments come back with other decimals.</summary>
    private static bool SameText(JsonElement asked, JsonElement echoed) =>
        echoed.ValueEquals(asked.GetString()) || (asked.TryGetDateTimeOffset(out var a) && echoed.TryGetDateTimeOffset(out var b) && a == b);

    private static bool SameItems(JsonElement asked, JsonElement echoed)
    {
        if (asked.GetArrayLength() != echoed.GetArrayLength())
        {
            return false;
        }

        for (var i = 0; i < asked.GetArrayLength(); i++)
        {
            if (!Same(asked[i], echoed[i]))
            {
                return false;
            }
        }

        return true;
    }
}
