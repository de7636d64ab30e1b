using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>OpenAI's error shape.</summary>
internal static class OpenAiErrors
{
    public static void Write(Utf8JsonWriter json, in ApiFailure failure)
    {
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, failure.Message);
        json.WriteString("type"u8, failure.Type);
        json.WriteString("param"u8, failure.Param);
        json.WriteString("code"u8, failure.Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
