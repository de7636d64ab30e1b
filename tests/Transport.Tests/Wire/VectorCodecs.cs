using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Jesus.Transport.Wire;

namespace Jesus.Transport.Tests.Wire;

/// <summary>A codec for every type of the vectors, made of what the writer and reader offer.</summary>
internal static class VectorCodecs
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;
    private static readonly VectorCodec Int = VectorCodec.Of(value => value.GetInt32(), value => value);
    private static readonly VectorCodec Long = VectorCodec.Of(value => value.GetInt64(), value => value);
    private static readonly VectorCodec Float = VectorCodec.Of(value => ToSingle(value), FromSingle);
    private static readonly VectorCodec Double = VectorCodec.Of(ToDouble, FromDouble);
    private static readonly VectorCodec Bool = VectorCodec.Of(value => value.GetBoolean(), value => (JsonNode)value);
    private static readonly VectorCodec Guids = VectorCodec.Of(value => value.GetGuid(), value => (JsonNode)value.ToString());
    private static readonly VectorCodec Offsets = new(
        (ref WireWriter writer, JsonElement value, bool _) => writer.WriteDateTimeOffset(ToOffset(value)),
        (ref WireReader reader) => FromOffset(reader.ReadDateTimeOffset("value")));

    private static readonly VectorCodec Text = new(
        (ref WireWriter writer, JsonElement value, bool utf16) =>
        {
            if (utf16)
            {
                writer.WriteUtf16(value.GetString());
            }
            else
            {
                writer.WriteString(value.GetString());
            }
        },
        (ref WireReader reader) => reader.ReadString("value"));

    private static readonly VectorCodec Vec3 = VectorCodec.Of(
        value => new Vec(ToSingle(value.GetProperty("X")), ToSingle(value.GetProperty("Y")), ToSingle(value.GetProperty("Z"))),
        value => new JsonObject { ["X"] = value.X, ["Y"] = value.Y, ["Z"] = value.Z });

    private static readonly VectorCodec Person = VectorCodec.Object(("Age", Int), ("Name", Text));
    private static readonly VectorCodec Tolerant1 = VectorCodec.Tolerant(("A", Int), ("B", Text));
    private static readonly VectorCodec Tolerant2 = VectorCodec.Tolerant(("A", Int), ("B", Text), ("C", Long));
    private static readonly VectorCodec Circle = VectorCodec.Object(("R", Double));
    private static readonly VectorCodec Square = VectorCodec.Object(("W", Int), ("L", Text));
    private static readonly VectorCodec Tri = VectorCodec.Object(("S", Int));
    private static readonly VectorCodec Shape = new(WriteShape, ReadShape);

    private static readonly VectorCodec NullableOffset = new(
        (ref WireWriter writer, JsonElement value, bool _) =>
        {
            // The runtime's own layout of a nullable is that of its flag and the value's alignment; the value has a method of its own.
            writer.Write(VectorCodec.IsNull(value) ? 0L : 1L);
            if (VectorCodec.IsNull(value))
            {
                writer.Write(0L);
                writer.Write(0L);
            }
            else
            {
                writer.WriteDateTimeOffset(ToOffset(value));
            }
        },
        (ref WireReader reader) =>
        {
            var present = reader.Read<long>("value") != 0;
            var value = reader.ReadDateTimeOffset("value");
            return present ? FromOffset(value) : null;
        });

    /// <summary>The codec of a type as the vectors' file spells it.</summary>
    public static VectorCodec Of(string type)
    {
        var known = Exact(type);
        return known ?? Described(type);
    }

    private static VectorCodec? Exact(string type) => type switch
    {
        "bool" => Bool,
        "byte" => VectorCodec.Of(value => value.GetByte(), value => (JsonNode)value),
        "sbyte" => VectorCodec.Of(value => value.GetSByte(), value => (JsonNode)value),
        "short" => VectorCodec.Of(value => value.GetInt16(), value => (JsonNode)value),
        "ushort" => VectorCodec.Of(value => value.GetUInt16(), value => (JsonNode)value),
        "int" => Int,
        "uint" => VectorCodec.Of(value => value.GetUInt32(), value => (JsonNode)value),
        "long" => Long,
        "ulong" => VectorCodec.Of(value => value.GetUInt64(), value => (JsonNode)value),
        "float" => Float,
        "double" => Double,
        "Half" => VectorCodec.Of(value => (Half)value.GetDouble(), value => (JsonNode)(double)value),
        "decimal" => new VectorCodec(
            (ref WireWriter writer, JsonElement value, bool _) => writer.WriteDecimal(decimal.Parse(value.GetString()!, Invariant)),
            (ref WireReader reader) => reader.ReadDecimal("value").ToString(Invariant)),
        "char" => VectorCodec.Of(value => value.GetString()![0], value => (JsonNode)value.ToString()),
        "Int128" => VectorCodec.Of(value => Int128.Parse(value.GetString()!, Invariant), value => (JsonNode)value.ToString(Invariant)),
        "Guid" => Guids,
        "TimeSpan" => VectorCodec.Of(value => new TimeSpan(value.GetInt64()), value => (JsonNode)value.Ticks),
        "DateTime" => VectorCodec.Of(ToTicks, FromTicks),
        "DateTimeOffset" => Offsets,
        "DateOnly" => VectorCodec.Of(value => DateOnly.Parse(value.GetString()!, Invariant), value => (JsonNode)value.ToString("yyyy-MM-dd", Invariant)),
        "TimeOnly" => VectorCodec.Of(value => TimeOnly.Parse(value.GetString()!, Invariant), value => (JsonNode)value.ToString("HH:mm:ss.fff", Invariant)),
        "System.Version" => new VectorCodec(WriteVersion, ReadVersion),
        "System.Uri" or "string" => Text,
        "int?" => VectorCodec.Nullable(value => value.GetInt32(), value => (JsonNode)value),
        "long?" => VectorCodec.Nullable(value => value.GetInt64(), value => (JsonNode)value),
        "Guid?" => VectorCodec.Nullable(value => value.GetGuid(), value => (JsonNode)value.ToString()),
        "byte?" => VectorCodec.Nullable(value => value.GetByte(), value => (JsonNode)value),
        "bool?" => VectorCodec.Nullable(value => value.GetBoolean(), value => (JsonNode)value),
        "DateTimeOffset?" => NullableOffset,
        "byte[]" or "ReadOnlyMemory<byte>" => VectorCodec.Array(value => value.GetByte(), value => (JsonNode)value),
        "int[]" or "List<int>" or "HashSet<int>" => VectorCodec.Array(value => value.GetInt32(), value => (JsonNode)value),
        "bool[]" => VectorCodec.Array(value => value.GetBoolean(), value => (JsonNode)value),
        "Guid[]" => VectorCodec.Array(value => value.GetGuid(), value => (JsonNode)value.ToString()),
        "Vec3[]" => VectorCodec.List(Vec3),
        "string?[]" or "List<string>" => VectorCodec.List(Text),
        "int[][]" => VectorCodec.List(VectorCodec.Array(value => value.GetInt32(), value => (JsonNode)value)),
        "List<int?>" => VectorCodec.List(VectorCodec.Nullable(value => value.GetInt32(), value => (JsonNode)value)),
        "Dictionary<string,int>" => VectorCodec.Dictionary(Text, Int),
        "Dictionary<int,string>" => VectorCodec.Dictionary(Int, Text),
        "Dictionary<int,int>" => VectorCodec.Dictionary(Int, Int),
        "KeyValuePair<string,int>" => VectorCodec.Sequence(("Key", Text), ("Value", Int)),
        "KeyValuePair<int,int>" => VectorCodec.Sequence(("Key", Int), ("Value", Int)),
        "ValueTuple<int,string>" => VectorCodec.Sequence(("", Int), ("", Text)),
        "ValueTuple<int,int>" => VectorCodec.Sequence(("", Int), ("", Int)),
        "Tuple<int,string>" => new VectorCodec(WriteTuple, ReadTuple),
        "Person" => Person,
        "VT1" => Tolerant1,
        "IShape[]" => VectorCodec.List(Shape),
        "InferReq" => InferReq,
        _ => null,
    };

    private static VectorCodec InferReq => VectorCodec.Object(
        ("Id", Guids), ("Model", Text), ("Tenant", Text), ("MaxTokens", Int), ("Temperature", Float), ("Seed", Int), ("DeadlineUnixMs", Long), ("Stream", Bool),
        ("Prompt", Text), ("Items", VectorCodec.List(VectorCodec.Object(("Role", Text), ("Content", Text), ("Tokens", Int)))), ("Tags", VectorCodec.Dictionary(Text, Text)));

    /// <summary>Types that the file describes in words: the word that only one description has.</summary>
    private static VectorCodec Described(string type)
    {
        (string Word, VectorCodec Codec)[] known =
        [
            ("enum E8", VectorCodec.Of(value => value.GetByte(), value => (JsonNode)value)),
            ("enum E32", Int),
            ("struct Vec3", Vec3),
            ("struct Padded", VectorCodec.Of(ToPadded, value => new JsonObject { ["A"] = value.A, ["B"] = value.B, ["C"] = value.C })),
            ("struct Mixed", VectorCodec.Object(("Id", Int), ("Name", Text))),
            ("int[,]", new VectorCodec(WriteMatrix, ReadMatrix)),
            ("class Person", Person),
            ("class UnmRun", VectorCodec.Object(
                ("A", Int), ("B", Long), ("C", Bool), ("D", Double), ("S", Text), ("E", VectorCodec.Of(value => value.GetInt16(), value => (JsonNode)value)))),
            ("class Team", VectorCodec.Object(("Title", Text), ("Lead", Person), ("Members", VectorCodec.List(Person)), ("Alt", VectorCodec.List(Person)))),
            ("class Empty", VectorCodec.Object()),
            ("record Rec", VectorCodec.Object(("X", Int), ("Y", Text), ("Z", Guids))),
            ("class NM", VectorCodec.Object(
                ("A", VectorCodec.Nullable(value => value.GetInt32(), value => (JsonNode)value)),
                ("B", VectorCodec.Nullable(value => value.GetGuid(), value => (JsonNode)value.ToString())),
                ("C", NullableOffset))),
            ("class Box<T>", VectorCodec.Object(("Value", Int))),
            ("VersionTolerant VT1", Tolerant1),
            ("VT1 with 200", Tolerant1),
            ("VersionTolerant VT2", Tolerant2),
            ("VT2 from VT1", Tolerant2),
            ("VT1 from VT2", Tolerant1),
            ("VersionTolerant VTGap", VectorCodec.Tolerant(("A", Int), ("", null), ("", null), ("D", Int))),
            ("IShape", Shape),
            ("CircularReference", new VectorCodec(WriteCircular, ReadCircular)),
            ("class InferReq", InferReq),
            ("Person (", Person),
        ];
        foreach (var (word, codec) in known)
        {
            if (type.Contains(word, StringComparison.Ordinal))
            {
                return codec;
            }
        }

        throw new InvalidOperationException($"the vectors have a type without a codec here: {type}");
    }

    private static float ToSingle(JsonElement value) => value.ValueKind == JsonValueKind.String ? BitConverter.Int32BitsToSingle(unchecked((int)0xFFC00000)) : value.GetSingle();

    private static JsonNode FromSingle(float value) => float.IsNaN(value) ? "NaN" : (JsonNode)value;

    private static double ToDouble(JsonElement value) => value.ValueKind == JsonValueKind.String ? -0.0 : value.GetDouble();

    private static JsonNode FromDouble(double value) => value == 0 && double.IsNegative(value) ? "-0" : (JsonNode)value;

    private static DateTimeOffset ToOffset(JsonElement value) => DateTimeOffset.Parse(value.GetString()!, Invariant);

    private static JsonNode FromOffset(DateTimeOffset value) => value.ToString("yyyy-MM-ddTHH:mm:sszzz", Invariant);

    // A DateTime is its ticks and, in the two highest bits, its kind: 1 is UTC.
    private static ulong ToTicks(JsonElement value)
    {
        var parsed = DateTime.Parse(value.GetString()!, Invariant, DateTimeStyles.RoundtripKind);
        return (ulong)parsed.Ticks | ((ulong)parsed.Kind << 62);
    }

    private static JsonNode FromTicks(ulong value)
    {
        var time = new DateTime((long)(value & ~(3UL << 62)), (DateTimeKind)(value >> 62));
        return time.ToString(time.Millisecond == 0 ? "yyyy-MM-ddTHH:mm:ssK" : "yyyy-MM-ddTHH:mm:ss.fffK", Invariant);
    }

    private static Padded ToPadded(JsonElement value) =>
        new(value.GetProperty("A").GetByte(), value.GetProperty("B").GetInt32(), value.GetProperty("C").GetByte());

    private static void WriteVersion(ref WireWriter writer, JsonElement value, bool utf16)
    {
        var version = Version.Parse(value.GetString()!);
        writer.WriteObjectHeader(4);
        writer.Write(version.Major);
        writer.Write(version.Minor);
        writer.Write(version.Build);
        writer.Write(version.Revision);
    }

    private static JsonNode? ReadVersion(ref WireReader reader)
    {
        _ = reader.ReadObjectHeader("version", 4);
        var (major, minor) = (reader.Read<int>("major"), reader.Read<int>("minor"));
        var (build, revision) = (reader.Read<int>("build"), reader.Read<int>("revision"));
        return $"{major}.{minor}.{build}.{revision}";
    }

    private static void WriteTuple(ref WireWriter writer, JsonElement value, bool utf16)
    {
        writer.WriteObjectHeader(2);
        writer.Write(value[0].GetInt32());
        writer.WriteString(value[1].GetString());
    }

    private static JsonArray? ReadTuple(ref WireReader reader)
    {
        _ = reader.ReadObjectHeader("tuple", 2);
        var first = reader.Read<int>("item1");
        return new JsonArray(first, reader.ReadString("item2"));
    }

    // A matrix: the object of its rank + 1 members, its two lengths, its elements as an array.
    private static void WriteMatrix(ref WireWriter writer, JsonElement value, bool utf16)
    {
        writer.WriteObjectHeader(3);
        writer.Write(value.GetArrayLength());
        writer.Write(value[0].GetArrayLength());
        writer.WriteArray<int>(value.EnumerateArray().SelectMany(row => row.EnumerateArray().Select(cell => cell.GetInt32())).ToArray());
    }

    private static JsonArray? ReadMatrix(ref WireReader reader)
    {
        _ = reader.ReadObjectHeader("matrix", 3);
        _ = reader.Read<int>("rows");
        var columns = reader.Read<int>("columns");
        var rows = reader.ReadArray<int>("cells")!.Chunk(columns);
        return new JsonArray([.. rows.Select(row => new JsonArray([.. row.Select(cell => (JsonNode)cell)]))]);
    }

    private static void WriteShape(ref WireWriter writer, JsonElement value, bool utf16)
    {
        if (VectorCodec.IsNull(value))
        {
            writer.WriteNullObject();
            return;
        }

        var tag = value.GetProperty("tag").GetUInt16();
        writer.WriteUnionTag(tag);
        ShapeOf(tag)!.Write(ref writer, value, utf16);
    }

    private static JsonObject? ReadShape(ref WireReader reader)
    {
        var at = reader.Position;
        if (reader.ReadUnionTag("IShape") is not { } tag)
        {
            return null;
        }

        if (ShapeOf(tag) is not { } codec)
        {
            reader.Fail(WireFault.UnknownTag, "IShape", at, tag);
            return null;
        }

        var value = codec.Read(ref reader) as JsonObject;
        value?.Insert(0, "tag", tag);
        return value;
    }

    private static VectorCodec? ShapeOf(ushort tag) => tag switch
    {
        0 => Circle,
        1 => Square,
        300 => Tri,
        _ => null,
    };

    // A circular object: a version-tolerant one whose first bytes are its number, and, where it stands again, 250 and that number in place of the count.
    private static void WriteCircular(ref WireWriter writer, JsonElement value, bool utf16)
    {
        writer.Write((byte)2);
        writer.WriteVarInt(4);
        writer.WriteVarInt(2);
        writer.WriteVarInt(0);
        writer.Write(value.GetProperty("Id").GetInt32());
        writer.Write((byte)250);
        writer.WriteVarInt(0);
    }

    private static JsonObject? ReadCircular(ref WireReader reader)
    {
        Assert.Equal(2, reader.Read<byte>("count"));
        Assert.Equal(4, reader.ReadVarInt("length 0"));
        Assert.Equal(2, reader.ReadVarInt("length 1"));
        Assert.Equal(0, reader.ReadVarInt("number"));
        var id = reader.Read<int>("Id");
        Assert.Equal(250, reader.Read<byte>("reference"));
        Assert.Equal(0, reader.ReadVarInt("number"));
        return new JsonObject { ["Id"] = id, ["Self"] = "<ref to self>" };
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Vec(float X, float Y, float Z);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Padded(byte A, int B, byte C);
}
