using System.Text.Json.Nodes;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Transport.Tests.Wire;

public sealed class WireVectorTests
{
    public static TheoryData<string> Names => [.. WireVectors.Values.Select(vector => vector.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_value_is_written_byte_for_byte_as_MemoryPack_writes_it(string name)
    {
        var vector = WireVectors.Named(name);
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        VectorCodecs.Of(vector.GetProperty("type").GetString()!).Write(ref writer, vector.GetProperty("value"), vector.GetProperty("encoding").GetString() == "utf16");
        Assert.True(writer.Complete());
        Assert.Equal(vector.GetProperty("hex").GetString(), Convert.ToHexStringLower(buffer.Span));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_bytes_that_MemoryPack_writes_are_read_to_the_value(string name)
    {
        var vector = WireVectors.Named(name);
        var reader = new WireReader(WireVectors.Bytes(vector).AsMemory());
        var value = VectorCodecs.Of(vector.GetProperty("type").GetString()!).Read(ref reader);
        Assert.True(reader.Finish("value", out var error), error.ToString());
        var expected = JsonNode.Parse(vector.GetProperty("value").GetRawText());
        Assert.True(JsonNode.DeepEquals(expected, value), $"expected {expected?.ToJsonString()}, read {value?.ToJsonString()}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_truncation_of_a_value_is_refused_without_an_exception(string name)
    {
        var vector = WireVectors.Named(name);
        var bytes = WireVectors.Bytes(vector);
        var codec = VectorCodecs.Of(vector.GetProperty("type").GetString()!);
        if (name.StartsWith("circular", StringComparison.Ordinal) || name.StartsWith("matrix", StringComparison.Ordinal))
        {
            return;
        }

        for (var length = 0; length < bytes.Length; length++)
        {
            var reader = new WireReader(bytes.AsMemory(0, length));
            _ = codec.Read(ref reader);
            Assert.True(reader.Failed, $"{length} of {bytes.Length} bytes were taken for a whole value");
            Assert.InRange(reader.Error.Offset, 0, length);
        }
    }

    [Theory]
    [InlineData("string_len_too_big", WireFault.LengthTooLarge, 0)]
    [InlineData("utf8_len_huge", WireFault.LengthTooLarge, 0)]
    [InlineData("bytes_len_huge", WireFault.LengthTooLarge, 0)]
    [InlineData("int_array_truncated", WireFault.LengthTooLarge, 0)]
    [InlineData("person_count_3_of_2", WireFault.TooManyMembers, 0)]
    [InlineData("person_empty", WireFault.Truncated, 0)]
    [InlineData("int_short", WireFault.Truncated, 0)]
    [InlineData("list_len_neg2", WireFault.NegativeLength, 0)]
    [InlineData("union_bad_tag", WireFault.UnknownTag, 0)]
    [InlineData("utf8_invalid", WireFault.InvalidText, 0)]
    public void Malformed_bytes_are_refused_with_the_field_and_the_offset(string name, WireFault fault, int offset)
    {
        var vector = WireVectors.Named(name);
        var reader = new WireReader(WireVectors.Bytes(vector).AsMemory());
        var before = GC.GetAllocatedBytesForCurrentThread();
        _ = VectorCodecs.Of(vector.GetProperty("type").GetString()!).Read(ref reader);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(fault, reader.Error.Fault);
        Assert.Equal(offset, reader.Error.Offset);
        Assert.NotEmpty(reader.Error.Field);
        Assert.Contains(reader.Error.Field, reader.Error.ToString(), StringComparison.Ordinal);
        Assert.True(allocated < 64 * 1024, $"{allocated} bytes were allocated on the word of the sender");
    }

    [Theory]
    [InlineData("person_count_1", """{"Age":40,"Name":null}""")]
    [InlineData("vt_extra_field", """{"A":1,"B":"b"}""")]
    [InlineData("vt_missing_field", """{"A":1,"B":"b","C":0}""")]
    public void Objects_of_other_versions_are_read_as_MemoryPack_reads_them(string name, string expected)
    {
        var vector = WireVectors.Named(name);
        var reader = new WireReader(WireVectors.Bytes(vector).AsMemory());
        var value = VectorCodecs.Of(vector.GetProperty("type").GetString()!).Read(ref reader);
        Assert.True(reader.Finish("value", out var error), error.ToString());
        Assert.Equal(expected, value!.ToJsonString());
    }

    [Fact]
    public void Every_malformed_vector_is_tested()
    {
        string[] tested =
        [
            "string_len_too_big", "utf8_len_huge", "bytes_len_huge", "int_array_truncated", "person_count_3_of_2", "person_empty", "int_short", "list_len_neg2", "union_bad_tag",
            "utf8_invalid", "person_count_1", "vt_extra_field", "vt_missing_field",
        ];
        Assert.Equal(tested.Order(), WireVectors.Malformed.Select(vector => vector.GetProperty("name").GetString()!).Order());
        Assert.Equal(110, WireVectors.Values.Count());
    }
}
