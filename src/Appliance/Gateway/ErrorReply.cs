using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Appliance.Gateway.OpenAi;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>Writes a failure in the shape of the API that was asked.</summary>
internal static class ErrorReply
{
    public static Task SendAsync(in GatewayRequest request, in ApiFailure failure)
    {
        if (!AnthropicApi.Speaks(request.Http.Request))
        {
            AnswerHeaders.WriteTime(request);
        }

        return SendAsync(request.Http, failure, request.RequestId);
    }

    public static Task SendAsync(HttpContext http, ApiFailure failure, string requestId)
    {
        if (http.Response.HasStarted || http.RequestAborted.IsCancellationRequested)
        {
            return Task.CompletedTask;
        }

        AnswerHeaders.WriteRetry(http.Response, failure);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            Write(json, http.Request, failure, requestId);
        }

        return JsonReply.SendAsync(http, AnthropicApi.Speaks(http.Request) ? AnthropicErrors.StatusOf(failure) : failure.Status, buffer.WrittenMemory);
    }

    private static void Write(Utf8JsonWriter json, HttpRequest request, in ApiFailure failure, string requestId)
    {
        if (AnthropicApi.Speaks(request))
        {
            AnthropicErrors.Write(json, failure, requestId);
        }
        else if (request.Path.StartsWithSegments("/v1", StringComparison.Ordinal))
        {
            OpenAiErrors.Write(json, failure);
        }
        else
        {
            WriteOwn(json, failure, requestId);
        }
    }

    private static void WriteOwn(Utf8JsonWriter json, in ApiFailure failure, string requestId)
    {
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("code"u8, failure.Code);
        json.WriteString("message"u8, failure.Message);
        if (failure.Param is not null)
        {
            json.WriteString("param"u8, failure.Param);
        }

        json.WriteString("request_id"u8, requestId);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
