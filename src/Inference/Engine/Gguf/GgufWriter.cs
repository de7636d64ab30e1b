using System.Buffers.Binary;
using System.Text;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// Writes a GGUF file of version 3: for tests, benches and tools. Collect metadata and tensors, then <see cref="Write"/>.
/// Tensor data may come from a callback, so that a file larger than memory can be written.
/// </summary>
public sealed class GgufWriter
{
    private readonly List<(string Key, Action<BinaryWriter> Write)> _metadata = [];
    private readonly List<(string Name, GgufTensorType Type, long[] Dimensions, long ByteLength, Action<Stream> Write)> _tensors = [];
    private uint _alignment = GgufLimits.AlignmentDefault;

    /// <summary>What the version field says; tests write wrong ones.</summary>
    public uint Version { get; set; } = 3;

    public GgufWriter Add(string key, string value) => Add(key, GgufValueType.String, writer => WriteString(writer, Encoding.UTF8.GetBytes(value)));

    public GgufWriter Add(string key, uint value) => Add(key, GgufValueType.UInt32, writer => writer.Write(value));

    public GgufWriter Add(string key, float value) => Add(key, GgufValueType.Float32, writer => writer.Write(value));

    public GgufWriter Add(string key, bool value) => Add(key, GgufValueType.Bool, writer => writer.Write(value));

    public GgufWriter Add(string key, IReadOnlyList<byte[]> values) => AddArray(key, GgufValueType.String, values.Count, (writer, i) => WriteString(writer, values[i]));

    public GgufWriter Add(string key, IReadOnlyList<string> values) =>
        AddArray(key, GgufValueType.String, values.Count, (writer, i) => WriteString(writer, Encoding.UTF8.GetBytes(values[i])));

    public GgufWriter Add(string key, IReadOnlyList<int> values) => AddArray(key, GgufValueType.Int32, values.Count, (writer, i) => writer.Write(values[i]));

    public GgufWriter Add(string key, IReadOnlyList<float> values) => AddArray(key, GgufValueType.Float32, values.Count, (writer, i) => writer.Write(values[i]));

    /// <summary>Sets <c>general.alignment</c> and pads by it.</summary>
    public GgufWriter Alignment(uint bytes)
    {
        _alignment = bytes;
        return Add("general.alignment", bytes);
    }

    /// <summary>A tensor; dimensions fastest running first.</summary>
    public GgufWriter AddTensor(string name, GgufTensorType type, long[] dimensions, ReadOnlyMemory<byte> data) =>
        AddTensor(name, type, dimensions, data.Length, stream => stream.Write(data.Span));

    /// <summary>A tensor whose bytes <paramref name="write"/> makes when their turn comes; it must write exactly the tensor's length.</summary>
    public GgufWriter AddTensor(string name, GgufTensorType type, long[] dimensions, Action<Stream> write)
    {
        var block = GgufBlock.Of(type);
        return AddTensor(name, type, dimensions, dimensions.Aggregate(1L, (a, b) => a * b) / block.Elements * block.Bytes, write);
    }

    public void Write(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_metadata.Count);
        foreach (var (key, write) in _metadata)
        {
            WriteString(writer, Encoding.UTF8.GetBytes(key));
            write(writer);
        }

        WriteTensorInfos(writer);
        writer.Flush();
        WriteTensorData(stream);
    }

    public byte[] ToArray()
    {
        using var stream = new MemoryStream();
        Write(stream);
        return stream.ToArray();
    }

    private GgufWriter Add(string key, GgufValueType type, Action<BinaryWriter> write)
    {
        _metadata.Add((key, Typed));
        return this;

        void Typed(BinaryWriter writer)
        {
            writer.Write((uint)type);
            write(writer);
        }
    }

    private GgufWriter AddArray(string key, GgufValueType type, int count, Action<BinaryWriter, int> writeOne)
    {
        return Add(key, GgufValueType.Array, All);

        void All(BinaryWriter writer)
        {
            writer.Write((uint)type);
            writer.Write((ulong)count);
            for (var i = 0; i < count; i++)
            {
                writeOne(writer, i);
            }
        }
    }

    private GgufWriter AddTensor(string name, GgufTensorType type, long[] dimensions, long byteLength, Action<Stream> write)
    {
        _tensors.Add((name, type, dimensions, byteLength, write));
        return this;
    }

    private void WriteTensorInfos(BinaryWriter writer)
    {
        long offset = 0;
        foreach (var tensor in _tensors)
        {
            WriteString(writer, Encoding.UTF8.GetBytes(tensor.Name));
            writer.Write((uint)tensor.Dimensions.Length);
            foreach (var dimension in tensor.Dimensions)
            {
                writer.Write((ulong)dimension);
            }

            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset = Pad(offset + tensor.ByteLength);
        }
    }

    private void WriteTensorData(Stream stream)
    {
        var padding = new byte[_alignment];
        foreach (var tensor in _tensors)
        {
            stream.Write(padding.AsSpan(0, (int)(Pad(stream.Position) - stream.Position)));
            tensor.Write(stream);
        }

        stream.Write(padding.AsSpan(0, (int)(Pad(stream.Position) - stream.Position)));
    }

    private long Pad(long offset) => (offset + _alignment - 1) / _alignment * _alignment;

    private static void WriteString(BinaryWriter writer, byte[] utf8)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, utf8.Length);
        writer.Write(length);
        writer.Write(utf8);
    }
}
