namespace Jesus.Inference.Engine.Gguf;

/// <summary>The tensor section: <c>count</c> times name, dimension count (u32), dimensions (u64), type (u32), offset from the start of the data (u64).</summary>
internal sealed class GgufTensorReader(GgufHeaderReader reader, long fileLength, int alignment)
{
    /// <summary>Shortest entry: name length (8), one byte of name, dimension count (4), one dimension (8), type (4), offset (8).</summary>
    public const int BytesMin = 33;

    private readonly record struct Pending(string Name, GgufTensorType Type, long[] Dimensions, long Elements, long ByteLength, long Offset, long At);

    public List<GgufTensorInfo> Read(int count, out long dataOffset)
    {
        var pending = new List<Pending>(count);
        var names = new HashSet<string>(count, StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var tensor = ReadOne();
            if (!names.Add(tensor.Name))
            {
                reader.Fail(tensor.At, tensor.Name, "this tensor occurs twice.");
            }

            pending.Add(tensor);
        }

        dataOffset = (reader.Position + alignment - 1) / alignment * alignment;
        var infos = new List<GgufTensorInfo>(count);
        foreach (var tensor in pending)
        {
            infos.Add(Place(tensor, dataOffset));
        }

        CheckOverlap(pending);
        return infos;
    }

    private Pending ReadOne()
    {
        var at = reader.Position;
        var name = reader.Name(GgufLimits.TensorNameBytes, "a tensor's name");
        var dimensions = ReadDimensions(name, out var elements);
        var type = (GgufTensorType)reader.UInt32(name);
        var block = GgufBlock.Of(type);
        if (block.Bytes == 0)
        {
            reader.Fail(at, name, $"element type {(uint)type} is unknown.");
        }

        if (dimensions[0] % block.Elements != 0)
        {
            reader.Fail(at, name, $"rows of {dimensions[0]} elements are not whole blocks of {block.Elements} as {type} needs.");
        }

        var offset = reader.UInt64(name);
        if (offset > (ulong)fileLength || offset % (ulong)alignment != 0)
        {
            reader.Fail(at, name, $"data offset {offset} is outside the file or no multiple of the alignment {alignment}.");
        }

        return new Pending(name, type, dimensions, elements, elements / block.Elements * block.Bytes, (long)offset, at);
    }

    private long[] ReadDimensions(string name, out long elements)
    {
        var at = reader.Position;
        var count = reader.UInt32(name);
        if (count is 0 or > GgufLimits.Dimensions)
        {
            reader.Fail(at, name, $"has {count} dimensions; 1 to {GgufLimits.Dimensions} are allowed.");
        }

        var dimensions = new long[count];
        elements = 1;
        for (var i = 0; i < dimensions.Length; i++)
        {
            var size = reader.UInt64(name);
            if (size == 0 || size > (ulong)(GgufLimits.TensorElements / elements))
            {
                reader.Fail(at, name, $"dimension {i} is {size}: 1 or more, and at most {GgufLimits.TensorElements} elements in all.");
            }

            dimensions[i] = (long)size;
            elements *= (long)size;
        }

        return dimensions;
    }

    private GgufTensorInfo Place(Pending tensor, long dataOffset)
    {
        var start = dataOffset + tensor.Offset;
        if (start > fileLength - tensor.ByteLength)
        {
            reader.Fail(tensor.At, tensor.Name,
                $"its {tensor.ByteLength} bytes at {start} end past the file's {fileLength} bytes; the file was cut short or is damaged.");
        }

        return new GgufTensorInfo(tensor.Name, tensor.Type, tensor.Dimensions, start, tensor.Elements, tensor.ByteLength);
    }

    private void CheckOverlap(List<Pending> tensors)
    {
        var byOffset = tensors.OrderBy(tensor => tensor.Offset).ToArray();
        for (var i = 1; i < byOffset.Length; i++)
        {
            var (before, after) = (byOffset[i - 1], byOffset[i]);
            if (before.Offset + before.ByteLength > after.Offset)
            {
                reader.Fail(after.At, after.Name, $"its data overlaps that of {before.Name}.");
            }
        }
    }
}
