using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>The results of a batch, a line for each request in the order of the requests.</summary>
internal static class BatchResults
{
    /// <summary>How the request of an index ended: what its item says, else what the end of the run makes of it.</summary>
    public static string TypeOf(RunItems items, int index) =>
        OutputOf(items, index) is { } output ? output.GetProperty("type"u8).GetString()! : items.State == RunStateName.Cancelled ? "canceled" : "errored";

    /// <returns>Each line with its break; valid until the next is asked for.</returns>
    public static IEnumerable<ReadOnlyMemory<byte>> Lines(RunItems items, IRunBlobs blobs)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(buffer, JsonReply.Options);
        var index = 0;
        foreach (var request in items.Inputs.GetProperty("requests"u8).EnumerateArray())
        {
            buffer.ResetWrittenCount();
            json.Reset();
            json.WriteStartObject();
            json.WriteString("custom_id"u8, request.GetProperty("id"u8).GetString());
            json.WriteStartObject("result"u8);
            Write(json, items, index++, blobs);
            json.WriteEndObject();
            json.WriteEndObject();
            json.Flush();
            buffer.Write("\n"u8);
            yield return buffer.WrittenMemory;
        }
    }

    private static JsonElement? OutputOf(RunItems items, int index) => index < items.Outputs.Count ? items.Outputs[index] : null;

    private static void Write(Utf8JsonWriter json, RunItems items, int index, IRunBlobs blobs)
    {
        var type = TypeOf(items, index);
        var output = OutputOf(items, index);
        if (type == "succeeded" && blobs.Read(output!.Value.GetProperty("sha256"u8).GetString()!) is { } message)
        {
            json.WriteString("type"u8, type);
            json.WritePropertyName("message"u8);
            json.WriteRawValue(OnOneLine(message), skipInputValidation: true);
            return;
        }

        if (type is "canceled" or "expired")
        {
            json.WriteString("type"u8, type);
            return;
        }

        json.WriteString("type"u8, "errored"u8);
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, "error"u8);
        if (type == "errored" && output is { } errored)
        {
            json.WritePropertyName("error"u8);
            errored.GetProperty("error"u8).WriteTo(json);
        }
        else
        {
            var why = type == "succeeded" ? "The answer is no longer in the artifact store." : "The batch broke off before this request was answered.";
            AnthropicErrors.WriteError(json, new ApiFailure(500, "api_error", "lost", why));
        }

        json.WriteNull("request_id"u8);
        json.WriteEndObject();
    }

    /// <summary>A line break in JSON stands between tokens only, where a space means the same.</summary>
    private static byte[] OnOneLine(byte[] message)
    {
        message.AsSpan().Replace((byte)'\n', (byte)' ');
        message.AsSpan().Replace((byte)'\r', (byte)' ');
        return message;
    }
}
