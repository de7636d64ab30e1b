using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Reads and copies items as they lie in the store. All of it was valid JSON when it was kept.</summary>
internal static class StoredItems
{
    /// <summary>Requests may nest 64 deep.</summary>
    private static readonly JsonReaderOptions Deep = new() { MaxDepth = 128 };
    private static readonly JsonDocumentOptions DeepDocument = new() { MaxDepth = 128 };

    /// <summary>A member of an object as it was written; empty when there is none.</summary>
    public static ReadOnlyMemory<byte> Property(ReadOnlyMemory<byte> json, ReadOnlySpan<byte> name)
    {
        var reader = new Utf8JsonReader(json.Span, Deep);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals(name);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (found)
            {
                return json[start..(int)reader.BytesConsumed];
            }
        }

        return default;
    }

    /// <summary>A response object with another status and, for one that failed, why.</summary>
    public static ReadOnlyMemory<byte> WithStatus(ReadOnlyMemory<byte> response, ResponseStatus status, string? error)
    {
        var buffer = new ArrayBufferWriter<byte>(response.Length + 256);
        using var json = new Utf8JsonWriter(buffer, JsonReply.Options);
        using var document = JsonDocument.Parse(response, DeepDocument);
        json.WriteStartObject();
        foreach (var member in document.RootElement.EnumerateObject())
        {
            if (member.NameEquals("status"u8))
            {
                json.WriteString("status"u8, ResponseJson.NameOf(status));
            }
            else if (member.NameEquals("error"u8) && error is not null)
            {
                json.WriteStartObject("error"u8);
                json.WriteString("code"u8, "server_error"u8);
                json.WriteString("message"u8, error);
                json.WriteEndObject();
            }
            else
            {
                member.WriteTo(json);
            }
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>The items of an <c>input</c> as the caller wrote them; a text is one message.</summary>
    public static void WriteAll(Utf8JsonWriter json, ReadOnlySpan<byte> input)
    {
        var reader = new Utf8JsonReader(input, Deep);
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            WriteMessage(json, input);
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            json.WriteRawValue(input[start..(int)reader.BytesConsumed], skipInputValidation: true);
        }
    }

    /// <summary>
    /// The items for another request: without the ids of messages and function calls, which mean something only where they were kept, and without
    /// reasoning that its provider would have to look up (it carries nothing to read).
    /// </summary>
    public static void WriteWithoutIds(Utf8JsonWriter json, ReadOnlySpan<byte> items)
    {
        if (items[0] == '"')
        {
            WriteMessage(json, items);
            return;
        }

        var reader = new Utf8JsonReader(items, Deep);
        using var document = JsonDocument.ParseValue(ref reader);
        foreach (var item in document.RootElement.EnumerateArray())
        {
            var type = TypeOf(item);
            if (type == "reasoning" && !HasText(item, "encrypted_content"))
            {
                continue;
            }

            json.WriteStartObject();
            foreach (var member in item.EnumerateObject())
            {
                if (member.Name != "id" || type is not ("message" or "function_call" or "function_call_output"))
                {
                    member.WriteTo(json);
                }
            }

            json.WriteEndObject();
        }
    }

    /// <summary>The items with ids and in full, as <c>GET /v1/responses/{id}/input_items</c> lists them; where a caller gave no id, one that follows from the place.</summary>
    public static IReadOnlyList<(string Id, JsonElement Item, string Type)> List(ReadOnlyMemory<byte> input, string responseId)
    {
        using var document = JsonDocument.Parse(input, DeepDocument);
        if (document.RootElement.ValueKind == JsonValueKind.String)
        {
            return [(IdOf("message", responseId, 0), document.RootElement.Clone(), "")];
        }

        var items = new List<(string, JsonElement, string)>();
        foreach (var item in document.RootElement.EnumerateArray())
        {
            var type = TypeOf(item);
            items.Add((HasText(item, "id") ? item.GetProperty("id").GetString()! : IdOf(type, responseId, items.Count), item.Clone(), type));
        }

        return items;
    }

    /// <summary>Writes one item of <see cref="List"/>: a message's text as a part, as OpenAI shows it.</summary>
    public static void Write(Utf8JsonWriter json, string id, JsonElement item, string type)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        if (item.ValueKind == JsonValueKind.String)
        {
            json.WriteString("type"u8, "message"u8);
            json.WriteString("role"u8, "user"u8);
            WriteContent(json, item, "input_text"u8);
            json.WriteEndObject();
            return;
        }

        json.WriteString("type"u8, type);
        foreach (var member in item.EnumerateObject())
        {
            if (member.NameEquals("content"u8) && member.Value.ValueKind == JsonValueKind.String)
            {
                WriteContent(json, member.Value, item.GetProperty("role"u8).ValueEquals("assistant"u8) ? "output_text"u8 : "input_text"u8);
            }
            else if (!member.NameEquals("id"u8) && !member.NameEquals("type"u8))
            {
                member.WriteTo(json);
            }
        }

        json.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter json, JsonElement text, ReadOnlySpan<byte> type)
    {
        json.WriteStartArray("content"u8);
        json.WriteStartObject();
        json.WriteString("type"u8, type);
        json.WritePropertyName("text"u8);
        text.WriteTo(json);
        if (type[0] == (byte)'o')
        {
            json.WriteStartArray("annotations"u8);
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WriteMessage(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, "user"u8);
        json.WritePropertyName("content"u8);
        json.WriteRawValue(text, skipInputValidation: true);
        json.WriteEndObject();
    }

    /// <summary>Only a message may come without its type.</summary>
    private static string TypeOf(JsonElement item) => HasText(item, "type") ? item.GetProperty("type").GetString()! : "message";

    private static bool HasText(JsonElement item, string name) => item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String;

    private static string IdOf(string type, string responseId, int index)
    {
        var prefix = type switch { "message" => "msg", "function_call" => "fc", "function_call_output" => "fco", "reasoning" => "rs", _ => "item" };
        return string.Create(CultureInfo.InvariantCulture, $"{prefix}_{responseId[(responseId.IndexOf('_', StringComparison.Ordinal) + 1)..]}_{index}");
    }
}
