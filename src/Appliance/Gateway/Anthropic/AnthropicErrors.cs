using System.Text.Json;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Anthropic's error shape and classes (Anthropic API reference, "Errors").</summary>
internal static class AnthropicErrors
{
    /// <summary>Anthropic's own status for a service that is overloaded.</summary>
    public const int Overloaded = 529;

    public static void Write(Utf8JsonWriter json, in ApiFailure failure, string requestId)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "error"u8);
        WriteError(json, failure);
        json.WriteString("request_id"u8, requestId);
        json.WriteEndObject();
    }

    /// <summary>The inner object alone.</summary>
    public static void WriteError(Utf8JsonWriter json, in ApiFailure failure)
    {
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, TypeOf(failure));
        json.WriteString("message"u8, failure.Message);
        json.WriteEndObject();
    }

    /// <summary>The status that the API uses for it.</summary>
    public static int StatusOf(in ApiFailure failure) => failure.Status == 503 ? Overloaded : failure.Status;

    /// <summary>The class that clients switch on.</summary>
    public static string TypeOf(in ApiFailure failure) => failure.Status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 or Overloaded => "overloaded_error",
        504 => "timeout_error",
        >= 500 => "api_error",
        _ => "invalid_request_error",
    };
}
