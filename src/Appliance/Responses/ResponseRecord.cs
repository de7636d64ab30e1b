using System.Buffers;
using System.Text.Json;

namespace Jesus.Appliance.Responses;

internal enum ResponseEvent : byte
{
    None,

    /// <summary>A response in the background was accepted.</summary>
    Begun,

    /// <summary>A response is whole; for one in the background, in place of what its beginning said.</summary>
    Kept,

    /// <summary>Its owner deleted it, or it made room.</summary>
    Dropped,
}

/// <summary>What the journal keeps of a response; its content is the artifact <paramref name="Hash"/>, so that deleting it frees its bytes.</summary>
internal readonly record struct ResponseRecord(ResponseEvent Event, string Id, string Owner, long CreatedUnixSeconds, bool Background, string Hash)
{
    public void Write(IBufferWriter<byte> to)
    {
        using var json = new Utf8JsonWriter(to);
        json.WriteStartObject();
        json.WriteString("event"u8, NameOf(Event));
        json.WriteString("id"u8, Id);
        if (Event != ResponseEvent.Dropped)
        {
            json.WriteString("owner"u8, Owner);
            json.WriteNumber("created"u8, CreatedUnixSeconds);
            json.WriteBoolean("background"u8, Background);
            json.WriteString("artifact"u8, Hash);
        }

        json.WriteEndObject();
    }

    /// <returns>An event of <see cref="ResponseEvent.None"/> for one that this version does not know.</returns>
    public static ResponseRecord Read(ReadOnlySpan<byte> payload)
    {
        var reader = new Utf8JsonReader(payload);
        var record = new ResponseRecord(ResponseEvent.None, "", "", 0, false, "");
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString();
            reader.Read();
            record = name switch
            {
                "event" => record with { Event = EventOf(reader.GetString()) },
                "id" => record with { Id = reader.GetString()! },
                "owner" => record with { Owner = reader.GetString()! },
                "created" => record with { CreatedUnixSeconds = reader.GetInt64() },
                "background" => record with { Background = reader.GetBoolean() },
                "artifact" => record with { Hash = reader.GetString()! },
                _ => record,
            };
            reader.Skip();
        }

        return record;
    }

    private static string NameOf(ResponseEvent value) => value switch
    {
        ResponseEvent.Begun => "begun",
        ResponseEvent.Kept => "kept",
        _ => "dropped",
    };

    private static ResponseEvent EventOf(string? name) => name switch
    {
        "begun" => ResponseEvent.Begun,
        "kept" => ResponseEvent.Kept,
        "dropped" => ResponseEvent.Dropped,
        _ => ResponseEvent.None,
    };
}
