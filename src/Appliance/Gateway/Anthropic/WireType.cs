using System.Text.Json;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>The <c>type</c> of an event's JSON, which names the event in its frame too.</summary>
internal static class WireType
{
    /// <returns>A slice of the data; <c>message</c>, which is what a frame without a name means, when there is none.</returns>
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<byte> data)
    {
        var reader = new Utf8JsonReader(data);
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var found = reader.ValueTextEquals("type"u8);
                reader.Read();
                if (found && reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped)
                {
                    return reader.ValueSpan;
                }

                reader.Skip();
            }
        }
        catch (JsonException)
        {
            // The adapter has read it before; what it let through is passed on unnamed.
        }

        return "message"u8;
    }
}
