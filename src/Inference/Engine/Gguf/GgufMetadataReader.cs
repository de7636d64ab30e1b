namespace Jesus.Inference.Engine.Gguf;

/// <summary>The metadata section: <c>count</c> times key (string), type (u32), value.</summary>
internal static class GgufMetadataReader
{
    /// <summary>Shortest entry: key length (8), one byte of key, type (4), one byte of value.</summary>
    public const int BytesMin = 14;

    /// <summary>A string's length field: the least that a string in an array takes.</summary>
    private const int StringBytesMin = 8;

    public static GgufMetadata Read(GgufHeaderReader reader, string file, int count)
    {
        var keys = new List<string>(count);
        var values = new Dictionary<string, GgufValue>(count, StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var at = reader.Position;
            var key = reader.Name(GgufLimits.KeyBytes, "a metadata key");
            if (!values.TryAdd(key, ReadValue(reader, key)))
            {
                reader.Fail(at, key, "this metadata key occurs twice.");
            }

            keys.Add(key);
        }

        return new GgufMetadata(file, keys, values);
    }

    private static GgufValue ReadValue(GgufHeaderReader reader, string key)
    {
        var type = ReadType(reader, key);
        var at = reader.Position;
        return type switch
        {
            GgufValueType.String => new GgufValue(at, reader.Bytes(reader.StringLength(GgufLimits.StringBytes, key), key)),
            GgufValueType.Array => ReadArray(reader, key),
            _ => ReadScalar(reader, key, type),
        };
    }

    private static GgufValueType ReadType(GgufHeaderReader reader, string key)
    {
        var at = reader.Position;
        var type = reader.UInt32(key);
        if (type > (uint)GgufValueType.Float64)
        {
            reader.Fail(at, key, $"value type {type} is unknown; 0 to 12 exist.");
        }

        return (GgufValueType)type;
    }

    private static GgufValue ReadScalar(GgufHeaderReader reader, string key, GgufValueType type)
    {
        var at = reader.Position;
        var bits = reader.Scalar(GgufValueTypes.SizeOf(type), key);
        if (type == GgufValueType.Bool && bits > 1)
        {
            reader.Fail(at, key, $"is {bits}; a boolean is 0 or 1.");
        }

        return new GgufValue(at, type, bits);
    }

    private static GgufValue ReadArray(GgufHeaderReader reader, string key)
    {
        var at = reader.Position;
        var type = ReadType(reader, key);
        if (type == GgufValueType.Array)
        {
            reader.Fail(at, key, "is an array of arrays; no known key is one, and they are not read.");
        }

        if (type == GgufValueType.String)
        {
            return ReadStrings(reader, key, at);
        }

        var size = GgufValueTypes.SizeOf(type);
        var count = reader.Count(GgufLimits.ArrayCount, size, key);
        return new GgufValue(at, type, reader.Bytes(count * size, key), count);
    }

    private static GgufValue ReadStrings(GgufHeaderReader reader, string key, long at)
    {
        var count = reader.Count(GgufLimits.ArrayCount, StringBytesMin, key);
        var ends = new int[count];
        // Grown by doubling: the sum of the lengths is known only at the end.
        var bytes = new byte[Math.Min(count * 8L, reader.Remaining)];
        var used = 0;
        for (var i = 0; i < count; i++)
        {
            var length = reader.StringLength(GgufLimits.StringBytes, key);
            if (length > bytes.Length - used)
            {
                Array.Resize(ref bytes, (int)Math.Min(reader.Remaining + used, Math.Max(used + length, bytes.Length * 2L)));
            }

            reader.CopyTo(bytes.AsSpan(used, length), key);
            used += length;
            ends[i] = used;
        }

        return new GgufValue(at, GgufValueType.String, new GgufStringArray(bytes, ends), count);
    }
}
