using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary>JSON for tools: reads arguments, builds results.</summary>
internal static class ToolJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonElement Parse(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        return JsonElement.ParseValue(ref reader);
    }

    public static JsonElement Build<T>(T state, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            write(writer, state);
        }

        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    public static string? Text(JsonElement arguments, string name) =>
        arguments.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static int Integer(JsonElement arguments, string name, int otherwise) =>
        arguments.TryGetProperty(name, out var value) && value.TryGetInt32(out var number) ? number : otherwise;

    /// <summary>The text of an input, or the reason why there is none.</summary>
    public static string? ReadInput(ToolContext context, string tool, string path, out ToolResult refusal)
    {
        var text = context.Texts.Read(path);
        refusal = text is null
            ? ToolResult.Failed($"{tool}: the run has no text input '{path}'; it has {(context.Texts.Names.Count == 0 ? "none" : string.Join(", ", context.Texts.Names))}")
            : default;
        return text;
    }
}
