using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>Writes whole JSON answers.</summary>
internal static class JsonReply
{
    /// <summary>Answers are JSON, never part of an HTML page: characters stay as they are.</summary>
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static async Task SendAsync(HttpContext http, int status, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = json.Length;
        _ = await http.Response.BodyWriter.WriteAsync(json, http.RequestAborted);
    }

    public static Task SendAsync<T>(HttpContext http, int status, T value, JsonTypeInfo<T> type) =>
        SendAsync(http, status, JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>Builds the object by hand where no type is worth declaring.</summary>
    public static Task SendAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return SendAsync(http, status, buffer.WrittenMemory);
    }
}
