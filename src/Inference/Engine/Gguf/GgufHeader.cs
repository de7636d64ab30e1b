using System.Numerics;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>The header's grammar: magic, version, counts, metadata, tensor infos, padding.</summary>
internal sealed class GgufHeader
{
    private const uint Magic = 0x46554747;

    private GgufHeader(int version, int alignment, long dataOffset, GgufMetadata metadata, List<GgufTensorInfo> tensors)
    {
        Version = version;
        Alignment = alignment;
        DataOffset = dataOffset;
        Metadata = metadata;
        Tensors = tensors;
    }

    public int Version { get; }
    public int Alignment { get; }
    public long DataOffset { get; }
    public GgufMetadata Metadata { get; }
    public List<GgufTensorInfo> Tensors { get; }

    /// <summary>The same with the tensors of further parts.</summary>
    public GgufHeader With(List<GgufTensorInfo> tensors) => new(Version, Alignment, DataOffset, Metadata, tensors);

    public static GgufHeader Read(IByteSource source, string file)
    {
        var reader = new GgufHeaderReader(source, file);
        var version = ReadVersion(reader);
        var tensorCount = reader.Count(GgufLimits.TensorCount, GgufTensorReader.BytesMin, "tensor_count");
        var metadataCount = reader.Count(GgufLimits.MetadataCount, GgufMetadataReader.BytesMin, "metadata_kv_count");
        var metadata = GgufMetadataReader.Read(reader, file, metadataCount);
        var alignment = ReadAlignment(metadata);
        var tensors = new GgufTensorReader(reader, source.Length, alignment);
        var infos = tensors.Read(tensorCount, out var dataOffset);
        return new GgufHeader(version, alignment, dataOffset, metadata, infos);
    }

    private static int ReadVersion(GgufHeaderReader reader)
    {
        var magic = reader.UInt32("magic");
        if (magic != Magic)
        {
            reader.Fail(0, "magic", $"is 0x{magic:x8}, not \"GGUF\": this is no GGUF file.");
        }

        var version = reader.UInt32("version");
        if ((version & 0xffff) == 0 && version != 0)
        {
            reader.Fail(4, "version", "is big-endian; only little-endian files are read. Convert the file.");
        }

        if (version is not (2 or 3))
        {
            reader.Fail(4, "version", $"is {version}; versions 2 and 3 are read. Convert the file.");
        }

        return (int)version;
    }

    private static int ReadAlignment(GgufMetadata metadata)
    {
        const string Key = "general.alignment";
        var alignment = metadata.OptionalInt(Key, GgufLimits.AlignmentDefault);
        if (alignment is < GgufLimits.AlignmentMin or > GgufLimits.AlignmentMax || !BitOperations.IsPow2(alignment))
        {
            throw metadata.Error(Key, $"is {alignment}; a power of two from {GgufLimits.AlignmentMin} to {GgufLimits.AlignmentMax} is allowed.");
        }

        return alignment;
    }
}
