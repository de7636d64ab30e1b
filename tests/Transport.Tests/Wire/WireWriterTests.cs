using System.Buffers;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Transport.Tests.Wire;

public sealed class WireWriterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(119)]
    [InlineData(120)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(5_000)]
    [InlineData(32_767)]
    [InlineData(32_768)]
    [InlineData(200_000)]
    public void A_wrong_guess_of_the_lengths_gives_the_same_bytes(int length)
    {
        var expected = Tolerant(length, WireWriter.SpareFor(length));
        foreach (var spare in new[] { 0, 2, 4, 8 })
        {
            Assert.Equal(expected, Tolerant(length, spare));
        }

        var reader = new WireReader(expected);
        Assert.True(reader.BeginTolerant("object", out var scope));
        Assert.Equal(length > 0, reader.Next(ref scope));
        Assert.Equal(length, reader.Left);
        if (length > 0)
        {
            Assert.Equal(length - sizeof(int), reader.ReadArrayBytes<byte>("bytes").Length);
        }

        Assert.True(reader.Next(ref scope));
        Assert.Equal(7, reader.Read<int>("seven"));
        reader.EndTolerant(ref scope);
        Assert.True(reader.Finish("object", out _));
    }

    [Fact]
    public void All_three_kinds_of_output_get_the_same_bytes()
    {
        for (var length = 0; length < 2_000; length += 37)
        {
            using var buffer = new PooledBuffer(16);
            var intoBuffer = new WireWriter(buffer);
            WriteNested(ref intoBuffer, length);
            Assert.True(intoBuffer.Complete());

            var output = new ArrayBufferWriter<byte>(16);
            var intoOutput = new WireWriter(output);
            WriteNested(ref intoOutput, length);
            Assert.True(intoOutput.Complete());

            // The inner object keeps two bytes for a length that may be long.
            var memory = new byte[buffer.Length + 2];
            var intoSpan = new WireWriter(memory.AsSpan());
            WriteNested(ref intoSpan, length);
            Assert.True(intoSpan.Complete());

            Assert.Equal(buffer.Span, output.WrittenSpan);
            Assert.Equal(buffer.Span, intoSpan.Written);
        }
    }

    [Fact]
    public void What_was_in_a_buffer_before_stays()
    {
        using var buffer = new PooledBuffer(16);
        buffer.Write("before"u8);
        var writer = new WireWriter(buffer);
        WriteNested(ref writer, 3_000);
        Assert.True(writer.Complete());
        Assert.Equal("before"u8, buffer.Span[..6]);
        var reader = new WireReader(buffer.Span[6..]);
        Assert.True(reader.BeginTolerant("object", out _));
    }

    [Fact]
    public void Memory_that_is_too_short_fails_the_writer_and_is_no_exception()
    {
        using var whole = new PooledBuffer();
        var writer = new WireWriter(whole);
        WriteNested(ref writer, 500);
        Assert.True(writer.Complete());
        for (var length = 0; length < whole.Length; length++)
        {
            var shorter = new WireWriter(new byte[length].AsSpan());
            WriteNested(ref shorter, 500);
            Assert.True(shorter.Failed);
            Assert.False(shorter.Complete());
        }
    }

    [Fact]
    public void A_message_beyond_the_limit_fails_the_writer_before_it_is_in_memory()
    {
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        var block = new byte[WireLimits.MessageBytesMax / 4];
        for (var i = 0; i < 4; i++)
        {
            writer.WriteArray<byte>(block);
        }

        Assert.True(writer.Failed);
        Assert.False(writer.Complete());
        Assert.Equal(0, buffer.Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(-1)]
    [InlineData(-120)]
    [InlineData(-121)]
    [InlineData(-128)]
    [InlineData(-129)]
    [InlineData(short.MaxValue)]
    [InlineData(short.MaxValue + 1)]
    [InlineData(short.MinValue)]
    [InlineData(short.MinValue - 1)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void A_variable_length_integer_comes_back(int value)
    {
        Span<byte> bytes = stackalloc byte[8];
        var writer = new WireWriter(bytes);
        writer.WriteVarInt(value);
        var reader = new WireReader(writer.Written);
        Assert.Equal(value, reader.ReadVarInt("value"));
        Assert.True(reader.Finish("value", out _));
    }

    [Fact]
    public void Every_form_of_a_variable_length_integer_is_read()
    {
        (byte[] Bytes, int Value)[] forms =
        [
            ([0x87, 200], 200), ([0x86, 0x80], -128), ([0x85, 0xFF, 0xFF], 65_535), ([0x84, 0, 0x80], short.MinValue),
            ([0x83, 1, 0, 0, 0], 1), ([0x82, 0xFF, 0xFF, 0xFF, 0xFF], -1),
            ([0x81, 2, 0, 0, 0, 0, 0, 0, 0], 2), ([0x80, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], -2),
        ];
        foreach (var (bytes, value) in forms)
        {
            var reader = new WireReader(bytes);
            Assert.Equal(value, reader.ReadVarInt("value"));
            Assert.True(reader.Finish("value", out _));
        }

        var tooLarge = new WireReader([0x81, 0, 0, 0, 0, 1, 0, 0, 0]);
        Assert.Equal(0, tooLarge.ReadVarInt("value"));
        Assert.Equal(WireFault.OutOfRange, tooLarge.Error.Fault);
    }

    private static byte[] Tolerant(int length, int spare)
    {
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        var scope = writer.BeginTolerant(2, spare);
        if (length > 0)
        {
            writer.WriteArray<byte>(Enumerable.Range(0, length - sizeof(int)).Select(i => (byte)i).ToArray());
        }

        writer.EndMember(ref scope);
        writer.Write(7);
        writer.EndMember(ref scope);
        writer.EndTolerant(ref scope);
        Assert.True(writer.Complete());
        return buffer.Span.ToArray();
    }

    private static void WriteNested(ref WireWriter writer, int length)
    {
        var outer = writer.BeginTolerant(2);
        writer.WriteString(new string('é', length));
        writer.EndMember(ref outer);
        var inner = writer.BeginTolerant(2, spare: 2);
        writer.Write(1);
        writer.EndMember(ref inner);
        writer.WriteArray<byte>(new byte[length]);
        writer.EndMember(ref inner);
        writer.EndTolerant(ref inner);
        writer.EndMember(ref outer);
        writer.EndTolerant(ref outer);
    }
}
