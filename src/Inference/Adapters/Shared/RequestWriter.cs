using System.Text.Encodings.Web;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Writing JSON bodies with one writer a thread, and the words for what an API cannot say.</summary>
internal static class RequestWriter
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    /// <summary>Writes a body; a caller's schema that is no JSON is its mistake.</summary>
    public static ModelError Write<TState>(PooledBuffer body, TState state, Action<Utf8JsonWriter, TState> write)
    {
        var json = _writer ??= new Utf8JsonWriter(body, Options);
        json.Reset(body);
        try
        {
            write(json, state);
            json.Flush();
            return default;
        }
        catch (JsonException)
        {
            return new ModelError(ErrorCause.Refused, "The schema of the answer or of a tool's parameters is not valid JSON; correct it.", "tools");
        }
    }

    public static ModelError Unsupported(string what, string? param) => new(
        ErrorCause.UnsupportedField, $"{what} cannot be asked of this server through its API; use a model of this box, or leave it out.", param);

    public static void WriteTexts(Utf8JsonWriter json, ReadOnlySpan<byte> name, List<Utf8Slice> texts)
    {
        if (texts.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text.Span);
        }

        json.WriteEndArray();
    }
}
