using System.Buffers.Binary;
using System.Text;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Gguf;

public sealed class GgufFileTests
{
    [Fact]
    public void What_the_writer_wrote_is_what_the_reader_reads()
    {
        using var file = GgufSamples.Open(GgufSamples.Sample());
        Assert.Equal(3, file.Version);
        Assert.Equal("llama", file.Metadata.RequireString("general.architecture"));
        Assert.Equal(2, file.Metadata.RequireInt("llama.block_count"));
        Assert.Equal(10000f, file.Metadata.RequireFloat("llama.rope.freq_base"));
        Assert.True(file.Metadata.OptionalBool("tokenizer.ggml.add_bos_token", false));
        var tokens = file.Metadata.RequireStrings("tokenizer.ggml.tokens");
        Assert.Equal(["<unk>", "<s>", "</s>", "a", "b", ""], Enumerable.Range(0, tokens.Count).Select(tokens.Text));
        Assert.Equal([0f, 0f, 0f, -1f, -2f, -3f], file.Metadata.OptionalFloats("tokenizer.ggml.scores")!);
        Assert.Equal([2, 3, 3, 1, 1, 1], file.Metadata.OptionalInts("tokenizer.ggml.token_type")!);
        Assert.Equal(["token_embd.weight", "blk.0.attn_q.weight", "output_norm.weight"], file.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void Tensor_bytes_are_read_by_position()
    {
        using var file = GgufSamples.Open(GgufSamples.Sample());
        Assert.True(file.TryGetTensor("blk.0.attn_q.weight", out var tensor));
        Assert.Equal((32L, 3L, 102L), (tensor.Columns, tensor.Rows, tensor.ByteLength));
        var bytes = new byte[10];
        file.ReadTensor(tensor, 5, bytes);
        Assert.Equal(GgufSamples.Bytes(102, 2).AsSpan(5, 10).ToArray(), bytes);
    }

    [Fact]
    public void A_read_outside_a_tensor_is_refused()
    {
        using var file = GgufSamples.Open(GgufSamples.Sample());
        var tensor = file.Tensors[2];
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadTensor(tensor, 8, new byte[9]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadTensor(tensor, -1, new byte[1]));
    }

    [Fact]
    public void A_file_cut_short_after_it_was_opened_is_an_error_and_no_crash()
    {
        var source = new MemoryByteSource(GgufSamples.Sample());
        using var file = GgufFile.Open(source, "sample.gguf");
        source.CutAt = file.Tensors[0].FileOffset + 4;
        var error = Assert.Throws<GgufException>(() => file.ReadTensor(file.Tensors[0], 0, new byte[16]));
        Assert.Contains("became shorter", error.Message, StringComparison.Ordinal);
        Assert.Equal("token_embd.weight", error.Field);
    }

    [Fact]
    public void Every_prefix_of_a_file_is_an_error_that_names_file_offset_and_field()
    {
        var bytes = GgufSamples.Sample();
        var dataEnd = GgufSamples.Open(bytes).Tensors.Max(tensor => tensor.FileOffset + tensor.ByteLength);
        for (var length = 0; length < dataEnd; length++)
        {
            var error = Assert.Throws<GgufException>(() => GgufSamples.Open(bytes[..length]));
            Assert.Equal("sample.gguf", error.File);
            Assert.InRange(error.Offset, 0, length);
            Assert.NotEmpty(error.Field);
        }
    }

    [Fact]
    public void A_source_is_closed_when_opening_fails()
    {
        var source = new MemoryByteSource([1, 2, 3]);
        Assert.Throws<GgufException>(() => GgufFile.Open(source, "bad"));
        Assert.True(source.Disposed);
    }

    [Theory]
    [InlineData(1u, "version")]
    [InlineData(4u, "version")]
    [InlineData(0x03000000u, "big-endian")]
    public void Other_versions_are_refused(uint version, string word)
    {
        var writer = GgufSamples.Writer();
        writer.Version = version;
        Assert.Contains(word, Refused(writer.ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_2_is_read()
    {
        var writer = GgufSamples.Writer();
        writer.Version = 2;
        using var file = GgufSamples.Open(writer.ToArray());
        Assert.Equal(2, file.Version);
    }

    [Theory]
    [InlineData(8, "tensor_count")]
    [InlineData(16, "metadata_kv_count")]
    public void A_huge_count_is_refused_before_anything_is_allocated(int offset, string field)
    {
        foreach (var count in new[] { ulong.MaxValue, 1UL << 40, 60_000UL, 16_000UL })
        {
            var bytes = GgufSamples.Sample();
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), count);
            Assert.Equal(field, Refused(bytes).Field);
        }
    }

    [Fact]
    public void A_key_or_tensor_that_occurs_twice_is_refused()
    {
        Assert.Contains("occurs twice", Refused(GgufSamples.Writer().Add("general.name", "again").ToArray()).Message, StringComparison.Ordinal);
        var twice = GgufSamples.Writer().AddTensor("output_norm.weight", GgufTensorType.F32, [4], new byte[16]);
        Assert.Contains("occurs twice", Refused(twice.ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_that_overlap_are_refused_by_name()
    {
        var bytes = GgufSamples.Sample();
        var name = "output_norm.weight"u8;
        var at = bytes.AsSpan().IndexOf(name) + name.Length + 4 + 8 + 4;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), 32);
        var error = Refused(bytes);
        Assert.Contains("overlaps", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(48)]
    [InlineData(1 << 20)]
    public void An_alignment_that_is_no_allowed_power_of_two_is_refused(int alignment)
    {
        var bytes = new GgufWriter().Alignment(64).ToArray();
        var key = "general.alignment"u8;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(bytes.AsSpan().IndexOf(key) + key.Length + 4), alignment);
        Assert.Equal("general.alignment", Refused(bytes).Field);
    }

    [Fact]
    public void A_wider_alignment_is_kept()
    {
        var writer = new GgufWriter().Alignment(256).AddTensor("a", GgufTensorType.I8, [3], new byte[3]).AddTensor("b", GgufTensorType.I8, [2], new byte[] { 7, 8 });
        using var file = GgufSamples.Open(writer.ToArray());
        Assert.Equal(0, file.Tensors[1].FileOffset % 256);
        var bytes = new byte[2];
        file.ReadTensor(file.Tensors[1], 0, bytes);
        Assert.Equal(new byte[] { 7, 8 }, bytes);
    }

    [Fact]
    public void A_value_of_the_wrong_type_is_an_error_that_names_key_and_offset()
    {
        using var file = GgufSamples.Open(GgufSamples.Sample());
        var error = Assert.Throws<GgufException>(() => file.Metadata.RequireInt("general.name"));
        Assert.Equal("general.name", error.Field);
        Assert.True(error.Offset > 24);
        Assert.Contains("String", error.Message, StringComparison.Ordinal);
        Assert.Throws<GgufException>(() => file.Metadata.OptionalFloats("tokenizer.ggml.token_type"));
        Assert.Throws<GgufException>(() => file.Metadata.RequireString("missing"));
    }

    [Fact]
    public void A_row_that_is_no_whole_number_of_blocks_is_refused()
    {
        var writer = new GgufWriter().AddTensor("w", GgufTensorType.Q8_0, [33, 1], stream => stream.Write(new byte[34]));
        Assert.Contains("whole blocks", Refused(writer.ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_on_disk_is_read_without_being_mapped()
    {
        var path = Path.Combine(Path.GetTempPath(), $"jesus-{Guid.NewGuid():n}.gguf");
        try
        {
            File.WriteAllBytes(path, GgufSamples.Sample());
            using var file = GgufFile.Open(path);
            Assert.DoesNotContain(path, File.ReadAllText("/proc/self/maps", Encoding.UTF8), StringComparison.Ordinal);
            var bytes = new byte[16];
            file.ReadTensor(file.Tensors[2], 0, bytes);
            Assert.Equal(GgufSamples.Bytes(16, 3), bytes);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static GgufException Refused(byte[] bytes) => Assert.Throws<GgufException>(() => GgufSamples.Open(bytes));
}
