using System.Text.Json;
using System.Text.Json.Nodes;
using Jesus.Transport.Wire;

namespace Jesus.Transport.Tests.Wire;

internal delegate void WriteValue(ref WireWriter writer, JsonElement value, bool utf16);

internal delegate JsonNode? ReadValue(ref WireReader reader);

/// <summary>How a type of the vectors is written from, and read to, the value that the vectors' file states.</summary>
internal sealed record VectorCodec(WriteValue Write, ReadValue Read)
{
    /// <summary>Of a value that lies in memory as it is written.</summary>
    public static VectorCodec Of<T>(Func<JsonElement, T> from, Func<T, JsonNode?> to)
        where T : unmanaged => new(
            (ref WireWriter writer, JsonElement value, bool _) => writer.Write(from(value)),
            (ref WireReader reader) => to(reader.Read<T>("value")));

    public static VectorCodec Nullable<T>(Func<JsonElement, T> from, Func<T, JsonNode?> to)
        where T : unmanaged => new(
            (ref WireWriter writer, JsonElement value, bool _) => writer.WriteNullable(IsNull(value) ? (T?)null : from(value)),
            (ref WireReader reader) => reader.ReadNullable<T>("value") is { } present ? to(present) : null);

    /// <summary>An array or a list of values that lie in memory as they are written.</summary>
    public static VectorCodec Array<T>(Func<JsonElement, T> from, Func<T, JsonNode?> to)
        where T : unmanaged => new(
            (ref WireWriter writer, JsonElement value, bool _) =>
            {
                if (IsNull(value))
                {
                    writer.WriteNullCollection();
                }
                else
                {
                    writer.WriteArray<T>(value.EnumerateArray().Select(from).ToArray());
                }
            },
            (ref WireReader reader) => reader.ReadArray<T>("value") is { } items ? new JsonArray([.. items.Select(to)]) : null);

    /// <summary>A collection of anything.</summary>
    public static VectorCodec List(VectorCodec item) => new(
        (ref WireWriter writer, JsonElement value, bool utf16) =>
        {
            if (IsNull(value))
            {
                writer.WriteNullCollection();
                return;
            }

            writer.WriteCount(value.GetArrayLength());
            foreach (var element in value.EnumerateArray())
            {
                item.Write(ref writer, element, utf16);
            }
        },
        (ref WireReader reader) =>
        {
            var count = reader.ReadCountOrNull("value", 1);
            var items = count < 0 ? null : new JsonArray();
            for (var i = 0; i < count && !reader.Failed; i++)
            {
                items!.Add(item.Read(ref reader));
            }

            return items;
        });

    /// <summary>A dictionary: keys and values in turn. Keys become JSON names.</summary>
    public static VectorCodec Dictionary(VectorCodec key, VectorCodec item) => new(
        (ref WireWriter writer, JsonElement value, bool utf16) =>
        {
            if (IsNull(value))
            {
                writer.WriteNullCollection();
                return;
            }

            writer.WriteCount(value.EnumerateObject().Count());
            foreach (var entry in value.EnumerateObject())
            {
                var isNumber = int.TryParse(entry.Name, out var number);
                key.Write(ref writer, isNumber ? JsonSerializer.SerializeToElement(number) : JsonSerializer.SerializeToElement(entry.Name), utf16);
                item.Write(ref writer, entry.Value, utf16);
            }
        },
        (ref WireReader reader) =>
        {
            var count = reader.ReadCountOrNull("value", 2);
            var items = count < 0 ? null : new JsonObject();
            for (var i = 0; i < count && !reader.Failed; i++)
            {
                var name = key.Read(ref reader)?.ToString() ?? "";
                items![name] = item.Read(ref reader);
            }

            return items;
        });

    /// <summary>A plain object: the count of its members and the members.</summary>
    public static VectorCodec Object(params (string Name, VectorCodec Codec)[] members) => new(
        (ref WireWriter writer, JsonElement value, bool utf16) =>
        {
            if (IsNull(value))
            {
                writer.WriteNullObject();
                return;
            }

            writer.WriteObjectHeader(members.Length);
            foreach (var (name, codec) in members)
            {
                codec.Write(ref writer, value.GetProperty(name), utf16);
            }
        },
        (ref WireReader reader) =>
        {
            var count = reader.ReadObjectHeader("object", members.Length);
            if (count < 0)
            {
                return null;
            }

            var value = new JsonObject();
            for (var i = 0; i < members.Length; i++)
            {
                value[members[i].Name] = i < count ? members[i].Codec.Read(ref reader) : null;
            }

            return value;
        });

    /// <summary>A version-tolerant object; a member without a codec is a gap in the order.</summary>
    public static VectorCodec Tolerant(params (string Name, VectorCodec? Codec)[] members) => new(
        (ref WireWriter writer, JsonElement value, bool utf16) =>
        {
            if (IsNull(value))
            {
                writer.WriteNullObject();
                return;
            }

            var scope = writer.BeginTolerant(members.Length);
            foreach (var (name, codec) in members)
            {
                codec?.Write(ref writer, value.GetProperty(name), utf16);
                writer.EndMember(ref scope);
            }

            writer.EndTolerant(ref scope);
        },
        (ref WireReader reader) =>
        {
            if (!reader.BeginTolerant("object", out var scope))
            {
                return null;
            }

            var value = new JsonObject();
            foreach (var (name, codec) in members)
            {
                if (reader.Next(ref scope) && codec is not null)
                {
                    value[name] = codec.Read(ref reader);
                }
                else if (codec is not null)
                {
                    value[name] = 0;
                }
            }

            reader.EndTolerant(ref scope);
            return value;
        });

    /// <summary>Values one after the other, as a JSON array or object.</summary>
    public static VectorCodec Sequence(params (string Name, VectorCodec Codec)[] members) => new(
        (ref WireWriter writer, JsonElement value, bool utf16) =>
        {
            for (var i = 0; i < members.Length; i++)
            {
                members[i].Codec.Write(ref writer, value.ValueKind == JsonValueKind.Array ? value[i] : value.GetProperty(members[i].Name), utf16);
            }
        },
        (ref WireReader reader) =>
        {
            var named = new JsonObject();
            var listed = new JsonArray();
            foreach (var (name, codec) in members)
            {
                var value = codec.Read(ref reader);
                if (name.Length > 0)
                {
                    named[name] = value;
                }
                else
                {
                    listed.Add(value);
                }
            }

            return named.Count > 0 ? named : listed;
        });

    public static bool IsNull(JsonElement value) => value.ValueKind == JsonValueKind.Null;
}
