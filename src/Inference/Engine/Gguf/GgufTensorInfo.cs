namespace Jesus.Inference.Engine.Gguf;

/// <summary>One tensor as the file describes it, checked against the file's size.</summary>
public sealed class GgufTensorInfo
{
    internal GgufTensorInfo(string name, GgufTensorType type, long[] dimensions, long fileOffset, long elements, long byteLength)
    {
        Name = name;
        Type = type;
        Dimensions = dimensions;
        FileOffset = fileOffset;
        Elements = elements;
        ByteLength = byteLength;
    }

    /// <summary>The same in a file that lies behind others.</summary>
    internal GgufTensorInfo Behind(long bytes) => new(Name, Type, [.. Dimensions], FileOffset + bytes, Elements, ByteLength);

    public string Name { get; }
    public GgufTensorType Type { get; }

    /// <summary>Fastest running first, as in the file: a matrix of <c>rows x columns</c> is <c>[columns, rows]</c>.</summary>
    public IReadOnlyList<long> Dimensions { get; }

    /// <summary>Bytes from the start of the file, or of the first of its parts.</summary>
    public long FileOffset { get; }
    public long Elements { get; }
    public long ByteLength { get; }

    /// <summary>Elements of one row (the first dimension).</summary>
    public long Columns => Dimensions[0];

    /// <summary>All dimensions but the first, multiplied.</summary>
    public long Rows => Elements / Dimensions[0];
}
