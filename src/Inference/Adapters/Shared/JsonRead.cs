using System.Text.Json;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// Steps through JSON of another's making: what has an unexpected type is skipped or counts as absent, and only what cannot be understood at all throws
/// <see cref="FormatException"/> (or the reader's own <see cref="JsonException"/>), which <see cref="AnswerReader.Read"/> catches.
/// </summary>
internal static class JsonRead
{
    /// <summary>Moves into the value, which is an object; skips any other.</summary>
    public static bool BeginObject(ref Utf8JsonReader reader) => Begin(ref reader, JsonTokenType.StartObject);

    /// <summary>Moves into the value, which is an array; skips any other.</summary>
    public static bool BeginArray(ref Utf8JsonReader reader) => Begin(ref reader, JsonTokenType.StartArray);

    /// <summary>Moves to the value, which is a string; skips any other.</summary>
    public static bool String(ref Utf8JsonReader reader) => Begin(ref reader, JsonTokenType.String);

    /// <summary>Moves to the next member of the object that the reader is in.</summary>
    public static bool NextMember(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    /// <summary>Moves to the next object of the array that the reader is in.</summary>
    public static bool NextObject(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.StartObject;

    /// <summary>The value as an integer: -1 for a number that is none, 0 for anything else. Below zero it is recognised as a defect when it is charged.</summary>
    public static int Int(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number)
        {
            return reader.TryGetInt32(out var value) ? value : -1;
        }

        reader.Skip();
        return 0;
    }

    /// <summary>The value as a number; 0 for anything else.</summary>
    public static float Float(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number)
        {
            return reader.TryGetSingle(out var value) ? value : 0;
        }

        reader.Skip();
        return 0;
    }

    /// <summary>One integer member of the value, an object; 0 where there is none.</summary>
    public static int Detail(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        var value = 0;
        if (!BeginObject(ref reader))
        {
            return value;
        }

        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals(name))
            {
                value = Int(ref reader);
            }
            else
            {
                Skip(ref reader);
            }
        }

        return value;
    }

    /// <summary>An integer member of the object that a copy of the reader is in, wherever it stands.</summary>
    public static int Ahead(Utf8JsonReader reader, ReadOnlySpan<byte> name, int otherwise = 0)
    {
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals(name))
            {
                return Int(ref reader);
            }

            Skip(ref reader);
        }

        return otherwise;
    }

    /// <summary>The value that the reader stands on, as the server wrote it but for blanks between its tokens.</summary>
    public static void Copy(ref Utf8JsonReader reader, PooledBuffer to)
    {
        var depth = reader.CurrentDepth;
        var follows = false;
        do
        {
            var (ends, names) = (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray, reader.TokenType == JsonTokenType.PropertyName);
            if (follows && !ends)
            {
                to.Write((byte)',');
            }

            var quoted = names || reader.TokenType == JsonTokenType.String;
            to.Write(quoted ? "\""u8 : default);
            to.Write(reader.ValueSpan);
            to.Write(quoted ? "\""u8 : default);
            to.Write(names ? ":"u8 : default);
            follows = !names && reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray);
            if (reader.CurrentDepth == depth && !names && follows)
            {
                return;
            }
        }
        while (reader.Read());
    }

    /// <summary>A text member, without its escapes undone, of the object that a copy of the reader is in; empty where there is none.</summary>
    public static ReadOnlySpan<byte> TextAhead(Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        while (NextMember(ref reader))
        {
            if (reader.ValueTextEquals(name))
            {
                return String(ref reader) ? reader.ValueSpan : default;
            }

            Skip(ref reader);
        }

        return default;
    }

    /// <summary>A text member of a whole object, without its escapes undone; empty where there is none, or the object is none.</summary>
    public static ReadOnlySpan<byte> TextAt(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? TextAhead(reader, name) : default;
        }
        catch (JsonException)
        {
            return default;
        }
    }

    /// <summary>Leaves the value out.</summary>
    public static void Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }

    public static void Require(bool holds)
    {
        if (!holds)
        {
            throw new FormatException();
        }
    }

    private static bool Begin(ref Utf8JsonReader reader, JsonTokenType type)
    {
        reader.Read();
        if (reader.TokenType == type)
        {
            return true;
        }

        reader.Skip();
        return false;
    }
}
