using Jesus.Transport.Wire;

namespace Jesus.Transport.Tests.Wire;

public sealed class WireReaderTests
{
    [Fact]
    public void The_first_error_stays_and_every_read_after_it_gives_defaults()
    {
        var reader = new WireReader([1, 2]);
        Assert.Equal(0, reader.Read<int>("first"));
        Assert.Equal(0, reader.Read<byte>("second"));
        Assert.Equal(0, reader.ReadCount("third", 1));
        Assert.True(reader.ReadUtf8("fourth").IsEmpty);
        Assert.Null(reader.ReadString("fifth"));
        Assert.False(reader.BeginTolerant("sixth", out var scope));
        Assert.False(reader.Next(ref scope));
        Assert.False(reader.Finish("whole", out var error));
        Assert.Equal(new WireError(WireFault.Truncated, "first", 0, 2), error);
    }

    [Fact]
    public void A_member_cannot_be_read_beyond_its_length()
    {
        var reader = new WireReader([2, 2, 4, 1, 0, 9, 0, 0, 0]);
        Assert.True(reader.BeginTolerant("object", out var scope));
        Assert.True(reader.Next(ref scope));
        Assert.Equal(0, reader.Read<int>("object.first"));
        Assert.Equal(new WireError(WireFault.Truncated, "object.first", 3, 2), reader.Error);
    }

    [Fact]
    public void A_member_that_is_shorter_than_its_length_is_refused()
    {
        var reader = new WireReader([2, 4, 0, 9, 0, 0, 0]);
        Assert.True(reader.BeginTolerant("object", out var scope));
        Assert.True(reader.Next(ref scope));
        Assert.Equal(9, reader.Read<short>("object.first"));
        Assert.False(reader.Next(ref scope));
        Assert.Equal(WireFault.LengthMismatch, reader.Error.Fault);
    }

    [Fact]
    public void Lengths_of_members_that_reach_beyond_the_object_are_refused_at_once()
    {
        // Two lengths that overflow 32 bits together.
        var reader = new WireReader([2, 0x82, 0xFF, 0xFF, 0xFF, 0x7F, 0x82, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0]);
        Assert.False(reader.BeginTolerant("object", out _));
        Assert.Equal(WireFault.LengthTooLarge, reader.Error.Fault);
        Assert.Equal(2L * int.MaxValue, reader.Error.Value);
    }

    [Fact]
    public void A_negative_length_of_a_member_is_refused()
    {
        var reader = new WireReader([1, 0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]);
        Assert.False(reader.BeginTolerant("object", out _));
        Assert.Equal(new WireError(WireFault.NegativeLength, "object", 1, -1), reader.Error);
    }

    [Fact]
    public void Objects_nested_beyond_the_limit_are_refused()
    {
        var bytes = new List<byte>();
        for (var i = 0; i < WireLimits.DepthMax + 5; i++)
        {
            bytes.InsertRange(0, [1, (byte)bytes.Count]);
        }

        var reader = new WireReader([.. bytes]);
        var depth = 0;
        while (reader.BeginTolerant("object", out var scope) && reader.Next(ref scope))
        {
            depth++;
        }

        Assert.Equal(WireLimits.DepthMax, depth);
        Assert.Equal(WireFault.TooDeep, reader.Error.Fault);
    }

    [Fact]
    public void Bytes_behind_the_end_are_refused()
    {
        var reader = new WireReader([1, 0, 0, 0, 5]);
        Assert.Equal(1, reader.Read<int>("value"));
        Assert.False(reader.Finish("value", out var error));
        Assert.Equal(new WireError(WireFault.TrailingBytes, "value", 4, 1), error);
    }

    [Fact]
    public void A_string_whose_stated_length_is_another_is_refused()
    {
        var reader = new WireReader([0xFD, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0, (byte)'a', (byte)'b']);
        Assert.Null(reader.ReadString("value"));
        Assert.Equal(WireFault.InvalidText, reader.Error.Fault);
    }

    [Fact]
    public void Text_in_UTF16_is_refused_where_only_UTF8_is_taken()
    {
        var reader = new WireReader([1, 0, 0, 0, (byte)'a', 0]);
        Assert.True(reader.ReadUtf8("value").IsEmpty);
        Assert.Equal(WireFault.Utf16Text, reader.Error.Fault);
    }

    [Theory]
    [InlineData("00001D00000000000000000000000000")]
    [InlineData("01000000000000000000000000000000")]
    public void A_decimal_with_impossible_flags_is_refused(string hex)
    {
        var reader = new WireReader(Convert.FromHexString(hex));
        Assert.Equal(0, reader.ReadDecimal("value"));
        Assert.Equal(WireFault.OutOfRange, reader.Error.Fault);
    }

    [Theory]
    [InlineData(100_000, 0L)]
    [InlineData(0, -1L)]
    [InlineData(0, long.MaxValue)]
    [InlineData(-60, 0L)]
    public void A_time_outside_the_calendar_is_refused(int minutes, long ticks)
    {
        var bytes = new byte[16];
        _ = BitConverter.TryWriteBytes(bytes, minutes);
        _ = BitConverter.TryWriteBytes(bytes.AsSpan(8), ticks);
        var reader = new WireReader(bytes);
        Assert.Equal(default, reader.ReadDateTimeOffset("value"));
        Assert.Equal(WireFault.OutOfRange, reader.Error.Fault);
    }
}
