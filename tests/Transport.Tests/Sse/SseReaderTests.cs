using System.Text;
using Jesus.Tests.Faults;
using Jesus.Tests.Memory;
using Jesus.Transport.Buffers;
using Jesus.Transport.Sse;

namespace Jesus.Transport.Tests.Sse;

public sealed class SseReaderTests
{
    [Theory]
    [InlineData("data: a\n\n", "a||")]
    [InlineData("data:a\r\rdata:b\r\r", "a||;b||")]
    [InlineData("data: a\r\n\r\n", "a||")]
    [InlineData("\uFEFFdata: a\n\n", "a||")]
    [InlineData("data: a\ndata:  b\n\n", "a\n b||")]
    [InlineData(": comment\nevent: x\nid: 7\ndata: a\n\n", "a|x|7")]
    [InlineData("event: x\n\ndata: a\n\n", "a||")]
    [InlineData("data\n\n", "||")]
    [InlineData("data: a\nretry: 10\nunknown: z\n\n", "a||")]
    [InlineData("id: 1\ndata: a\n\ndata: b\n\n", "a||1;b||1")]
    [InlineData("data: unfinished", "")]
    [InlineData("id: a\0b\ndata: a\n\n", "a||")]
    public void An_event_stream_is_read_as_the_standard_says(string stream, string expected) =>
        Assert.Equal(expected, string.Join(';', ReadAll([Encoding.UTF8.GetBytes(stream)])));

    [Fact]
    public void However_a_stream_is_cut_the_same_events_come_out()
    {
        var stream = Encoding.UTF8.GetBytes("\uFEFFdata: grüße 🌍\r\ndata: zwei\r\n\r\n: x\r\n\r\nevent: e\rdata: {\"a\":1}\r\r\nid: 9\ndata:\n\ndata: end\n\n");
        var whole = ReadAll([stream]);
        for (var seed = 0; seed < 2_000; seed++)
        {
            Assert.True(whole.SequenceEqual(ReadAll(Cut(stream, seed))), $"seed {seed}");
        }
    }

    [Fact]
    public void A_line_without_end_is_refused_before_it_fills_the_memory()
    {
        using var reader = new SseReader(lineMax: 100);
        ReadOnlySpan<byte> input = new byte[101];
        Assert.Equal(SseStatus.TooLong, reader.Read(ref input));
    }

    [Fact]
    public void An_event_of_too_many_lines_is_refused()
    {
        using var reader = new SseReader(lineMax: 100, eventMax: 50);
        var status = SseStatus.NeedMore;
        for (var i = 0; i < 20 && status == SseStatus.NeedMore; i++)
        {
            ReadOnlySpan<byte> input = "data: 12345\n"u8;
            status = reader.Read(ref input);
        }

        Assert.Equal(SseStatus.TooLong, status);
    }

    [Fact]
    public void What_the_writer_writes_the_reader_reads()
    {
        using var buffer = new PooledBuffer();
        SseWriter.WriteComment(buffer, "quiet"u8);
        SseWriter.WriteEvent(buffer, "one\ntwo\r\nthree\rfour\n"u8, "name"u8, "5"u8);
        Assert.Equal(["one\ntwo\nthree\nfour\n|name|5"], ReadAll([buffer.Span.ToArray()]));
        Assert.Throws<ArgumentException>(() => SseWriter.WriteEvent(buffer, "a"u8, "x\ndata: forged"u8));
    }

    [Fact]
    public void Reading_events_allocates_nothing_once_warm()
    {
        using var reader = new SseReader();
        var stream = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("data: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n", 100)));
        var events = 0;
        var allocated = Allocation.LeastOf(() => events = Drain(reader, stream));
        Assert.Equal(100, events);
        Assert.Equal(0, allocated);
    }

    private static int Drain(SseReader reader, ReadOnlySpan<byte> stream)
    {
        var events = 0;
        while (reader.Read(ref stream) == SseStatus.Event)
        {
            events++;
        }

        return events;
    }

    private static List<string> ReadAll(IEnumerable<byte[]> pieces)
    {
        using var reader = new SseReader();
        var events = new List<string>();
        foreach (var piece in pieces)
        {
            ReadOnlySpan<byte> rest = piece;
            while (reader.Read(ref rest) == SseStatus.Event)
            {
                events.Add($"{Text(reader.Data)}|{Text(reader.Name)}|{Text(reader.LastId)}");
            }
        }

        return events;
    }

    private static IEnumerable<byte[]> Cut(byte[] stream, int seed)
    {
        var dice = new TestDice(seed);
        for (var at = 0; at < stream.Length;)
        {
            var length = Math.Min(stream.Length - at, dice.Next(6));
            yield return stream[at..(at + length)];
            at += length;
        }
    }

    private static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);
}
