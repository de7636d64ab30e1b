using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>JSON values written compactly, with the only escapes that JSON demands: what the product's models are asked for.</summary>
internal static class JsonLiterals
{
    public static byte[] Of(JsonElement value)
    {
        var bytes = new List<byte>();
        Append(bytes, value);
        return [.. bytes];
    }

    public static byte[] OfString(ReadOnlySpan<byte> utf8)
    {
        var bytes = new List<byte>();
        AppendString(bytes, utf8);
        return [.. bytes];
    }

    private static void Append(List<byte> bytes, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                AppendObject(bytes, value);
                break;
            case JsonValueKind.Array:
                AppendArray(bytes, value);
                break;
            case JsonValueKind.String:
                AppendString(bytes, System.Text.Encoding.UTF8.GetBytes(value.GetString()!));
                break;
            default:
                bytes.AddRange(System.Text.Encoding.UTF8.GetBytes(value.GetRawText()));
                break;
        }
    }

    private static void AppendObject(List<byte> bytes, JsonElement value)
    {
        var separator = (byte)'{';
        foreach (var property in value.EnumerateObject())
        {
            bytes.Add(separator);
            AppendString(bytes, System.Text.Encoding.UTF8.GetBytes(property.Name));
            bytes.Add((byte)':');
            Append(bytes, property.Value);
            separator = (byte)',';
        }

        bytes.AddRange(separator == '{' ? "{}"u8 : "}"u8);
    }

    private static void AppendArray(List<byte> bytes, JsonElement value)
    {
        var separator = (byte)'[';
        foreach (var item in value.EnumerateArray())
        {
            bytes.Add(separator);
            Append(bytes, item);
            separator = (byte)',';
        }

        bytes.AddRange(separator == '[' ? "[]"u8 : "]"u8);
    }

    private static void AppendString(List<byte> bytes, ReadOnlySpan<byte> utf8)
    {
        Span<byte> escape = stackalloc byte[JsonEscapes.LengthMax];
        bytes.Add((byte)'"');
        foreach (var value in utf8)
        {
            bytes.AddRange(JsonEscapes.Of(value, escape));
        }

        bytes.Add((byte)'"');
    }
}
