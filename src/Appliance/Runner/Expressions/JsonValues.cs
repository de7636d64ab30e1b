using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Jesus.Appliance.Runner.Expressions;

/// <summary>Makes and reads JSON values without reflection. Elements returned own their memory.</summary>
public static class JsonValues
{
    /// <summary>UTF-8 stays UTF-8: the texts go to models and to terminals, never into HTML unescaped.</summary>
    public static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static readonly JsonWriterOptions Indented = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true };

    public static readonly JsonElement Null = Parse("null"u8);
    public static readonly JsonElement True = Parse("true"u8);
    public static readonly JsonElement False = Parse("false"u8);

    public static JsonElement Of(bool value) => value ? True : False;

    public static JsonElement Of(long value) => Parse(Encoding.UTF8.GetBytes(value.ToString(CultureInfo.InvariantCulture)));

    public static JsonElement Of(string value) => Build(value, static (writer, text) => writer.WriteStringValue(text));

    /// <exception cref="JsonException">The bytes are not one JSON value.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        var element = JsonElement.ParseValue(ref reader);
        return reader.Read() ? throw new JsonException("there is text after the end of the value") : element;
    }

    public static bool TryParse(ReadOnlySpan<byte> utf8, out JsonElement value, out string error)
    {
        try
        {
            value = Parse(utf8);
            error = "";
            return true;
        }
        catch (JsonException e)
        {
            value = Null;
            error = e.Message;
            return false;
        }
    }

    public static JsonElement Build<T>(T state, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            write(writer, state);
        }

        return Parse(buffer.WrittenSpan);
    }

    /// <summary>The value as compact UTF-8 JSON.</summary>
    public static byte[] ToUtf8(JsonElement value, bool indented = false)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, indented ? Indented : Compact))
        {
            value.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A string as it is; anything else as compact JSON.</summary>
    public static string ToText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Null or JsonValueKind.Undefined => "",
        _ => Encoding.UTF8.GetString(ToUtf8(value)),
    };

    /// <summary>Compares as decimals where both fit, otherwise as doubles.</summary>
    public static int CompareNumbers(JsonElement a, JsonElement b) =>
        a.TryGetDecimal(out var x) && b.TryGetDecimal(out var y) ? x.CompareTo(y) : a.GetDouble().CompareTo(b.GetDouble());

    /// <summary>Equal kinds and values; objects and lists member by member.</summary>
    public static bool AreEqual(JsonElement a, JsonElement b) => (a.ValueKind, b.ValueKind) switch
    {
        (JsonValueKind.Number, JsonValueKind.Number) => CompareNumbers(a, b) == 0,
        (JsonValueKind.String, JsonValueKind.String) => a.GetString() == b.GetString(),
        (JsonValueKind.Array, JsonValueKind.Array) => a.GetArrayLength() == b.GetArrayLength() && a.EnumerateArray().Zip(b.EnumerateArray()).All(p => AreEqual(p.First, p.Second)),
        (JsonValueKind.Object, JsonValueKind.Object) => HaveEqualMembers(a, b),
        var (x, y) => x == y,
    };

    /// <summary>The kind in the words of the workflow file.</summary>
    public static string KindName(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };

    private static bool HaveEqualMembers(JsonElement a, JsonElement b)
    {
        var count = 0;
        foreach (var member in a.EnumerateObject())
        {
            count++;
            if (!b.TryGetProperty(member.Name, out var other) || !AreEqual(member.Value, other))
            {
                return false;
            }
        }

        return count == b.EnumerateObject().Count();
    }
}
