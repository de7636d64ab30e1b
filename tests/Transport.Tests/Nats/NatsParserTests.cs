using System.Text;
using Jesus.Tests.Faults;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Tests.Nats;

public sealed class NatsParserTests
{
    [Theory]
    [InlineData("MSG a.b 65537 5\r\nhello\r\n", "a.b", "", 65537, 0, 5)]
    [InlineData("MSG a 1 _I.x 0\r\n\r\n", "a", "_I.x", 1, 0, 0)]
    [InlineData("HMSG a 7 12 17\r\nNATS/1.0\r\n\r\nhello\r\n", "a", "", 7, 12, 17)]
    [InlineData("HMSG a 7 reply.to 12 12\r\nNATS/1.0\r\n\r\n\r\n", "a", "reply.to", 7, 12, 12)]
    public void A_message_s_line_is_taken_apart(string bytes, string subject, string reply, long sid, int headers, int body)
    {
        var raw = Encoding.UTF8.GetBytes(bytes);
        foreach (var padding in new[] { 0, 100 })
        {
            Assert.Equal(NatsVerb.Msg, NatsParser.Read([.. raw, .. new byte[padding]], out var frame));
            Assert.Equal(subject, bytes.Substring(frame.SubjectAt, frame.SubjectLength));
            Assert.Equal(reply, bytes.Substring(frame.ReplyAt, frame.ReplyLength));
            Assert.Equal((sid, headers, body, raw.Length), (frame.Sid, frame.HeadersLength, frame.BodyLength, frame.Length));
        }
    }

    [Theory]
    [InlineData("PING\r\n", NatsVerb.Ping)]
    [InlineData("PONG\r\n", NatsVerb.Pong)]
    [InlineData("+OK\r\n", NatsVerb.Ok)]
    [InlineData("-ERR 'Stale Connection'\r\n", NatsVerb.Err)]
    [InlineData("INFO {\"a\":1}\r\n", NatsVerb.Info)]
    internal void Every_other_line_is_known(string line, NatsVerb verb)
    {
        Assert.Equal(verb, NatsParser.Read(Encoding.UTF8.GetBytes(line), out var frame));
        Assert.Equal(line.Length, frame.LineLength);
    }

    [Theory]
    [InlineData("MSG a 1 x\r\n")]
    [InlineData("MSG a 1 -5\r\n")]
    [InlineData("MSG a b 5\r\n")]
    [InlineData("MSG a 1 r 5 5\r\n")]
    [InlineData("MSG a 1 99999999999999999999\r\n")]
    [InlineData("MSG a 1 2000000000\r\n")]
    [InlineData("MSG  1 5\r\n\r\n")]
    [InlineData("MSG a 1 5\n\r\n")]
    [InlineData("HMSG a 1 12\r\n\r\n")]
    [InlineData("HMSG a 1 12 5\r\n")]
    [InlineData("HMSG a 1 0 5\r\n")]
    [InlineData("HELLO\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n")]
    [InlineData("PINGPONG\r\n")]
    [InlineData("PING\n")]
    [InlineData("\0\0\0\0\0")]
    public void What_is_no_line_of_the_protocol_is_malformed(string line)
    {
        Assert.Equal(NatsVerb.Malformed, NatsParser.Read(Encoding.UTF8.GetBytes(line), out _));
        Assert.Equal(NatsVerb.Malformed, NatsParser.Read([.. Encoding.UTF8.GetBytes(line), .. new byte[100]], out _));
    }

    [Theory]
    [InlineData("MSG ", NatsLimits.LineBytesMax)]
    [InlineData("MSG a 1 ", NatsLimits.LineBytesMax)]
    [InlineData("-ERR ", NatsLimits.LineBytesMax)]
    [InlineData("INFO ", NatsLimits.InfoBytesMax)]
    public void A_line_that_never_ends_is_malformed_once_it_is_longer_than_a_line_may_be(string start, int max)
    {
        var bytes = Encoding.UTF8.GetBytes(start + new string('x', max + 100));
        Assert.Equal(NatsVerb.None, NatsParser.Read(bytes.AsSpan(0, max), out _));
        Assert.Equal(NatsVerb.Malformed, NatsParser.Read(bytes, out _));
    }

    /// <summary>The parser is asked anew with each byte that arrives: what it says of a prefix must be "not yet" or what it says of the whole.</summary>
    [Fact]
    public void A_thousand_streams_parse_alike_however_they_are_cut()
    {
        for (var seed = 1; seed <= 1_000; seed++)
        {
            var dice = new TestDice(seed);
            var stream = Stream(dice, out var expected);
            var cut = new List<string>();
            for (int from = 0, to = 0; from < stream.Length;)
            {
                to = Math.Min(stream.Length, Math.Max(to, from) + 1 + dice.Next(1 << dice.Next(9)));
                from += TakeWhole(stream.AsSpan(from, to - from), cut);
                Assert.True(to < stream.Length || from == stream.Length, $"seed {seed}: {stream.Length - from} bytes were never taken");
            }

            Assert.True(expected.SequenceEqual(cut), $"seed {seed}");
        }
    }

    /// <summary>Bytes changed, dropped or doubled: any answer will do, as long as there is one and it stays inside the bytes.</summary>
    [Fact]
    public void A_thousand_broken_streams_never_make_it_fail()
    {
        for (var seed = 1; seed <= 1_000; seed++)
        {
            var dice = new TestDice(seed);
            var bytes = Stream(dice, out _);
            for (var i = 0; i < 1 + dice.Next(8); i++)
            {
                bytes[dice.Next(bytes.Length)] = (byte)" \r\nMSGH0919\0\xff+-."[dice.Next(16)];
            }

            for (var at = 0; at < bytes.Length;)
            {
                var verb = NatsParser.Read(bytes.AsSpan(at), out var frame);
                if (verb is NatsVerb.None or NatsVerb.Malformed)
                {
                    at++;
                    continue;
                }

                Assert.True(frame.LineLength > 0 && at + frame.LineLength <= bytes.Length, $"seed {seed}");
                Assert.True(frame.SubjectAt + frame.SubjectLength <= frame.LineLength && frame.ReplyAt + frame.ReplyLength <= frame.LineLength, $"seed {seed}");
                Assert.True(verb != NatsVerb.Msg || (frame.SubjectLength > 0 && frame.HeadersLength <= frame.BodyLength && frame.BodyLength >= 0), $"seed {seed}");
                at += frame.LineLength;
            }
        }
    }

    private static int TakeWhole(ReadOnlySpan<byte> bytes, List<string> into)
    {
        var at = 0;
        while (at < bytes.Length)
        {
            var verb = NatsParser.Read(bytes[at..], out var frame);
            Assert.NotEqual(NatsVerb.Malformed, verb);
            var length = verb == NatsVerb.Msg ? frame.Length : frame.LineLength;
            if (verb == NatsVerb.None || at + length > bytes.Length)
            {
                break;
            }

            into.Add(Told(verb, bytes.Slice(at, length), frame));
            at += length;
        }

        return at;
    }

    private static string Told(NatsVerb verb, ReadOnlySpan<byte> bytes, in NatsFrame frame) => verb != NatsVerb.Msg
        ? $"{verb} {Encoding.UTF8.GetString(bytes)}"
        : $"{Encoding.UTF8.GetString(bytes.Slice(frame.SubjectAt, frame.SubjectLength))} {frame.Sid} {Encoding.UTF8.GetString(bytes.Slice(frame.ReplyAt, frame.ReplyLength))} "
            + $"{frame.HeadersLength} {Encoding.UTF8.GetString(bytes.Slice(frame.LineLength, frame.BodyLength))}";

    private static byte[] Stream(TestDice dice, out List<string> expected)
    {
        var text = new StringBuilder();
        expected = [];
        for (var i = 0; i < 1 + dice.Next(20); i++)
        {
            var (frame, told) = dice.Next(5) switch
            {
                0 => Same(dice.Next(2) == 0 ? "PING\r\n" : "PONG\r\n", dice),
                1 => Message(dice, headers: true),
                _ => Message(dice, headers: false),
            };
            text.Append(frame);
            expected.Add(told);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static (string Frame, string Told) Same(string line, TestDice dice) => dice.Next(3) == 0
        ? ($"-ERR 'no {dice.Next(100)}'\r\n", "") is var (error, _) ? (error, $"{NatsVerb.Err} {error}") : default
        : (line, $"{(line[1] == 'I' ? NatsVerb.Ping : NatsVerb.Pong)} {line}");

    private static (string Frame, string Told) Message(TestDice dice, bool headers)
    {
        var subject = string.Join('.', Enumerable.Range(0, 1 + dice.Next(6)).Select(_ => new string((char)('a' + dice.Next(26)), 1 + dice.Next(20))));
        var reply = dice.Next(2) == 0 ? "" : "_I." + new string('r', 1 + dice.Next(60));
        var sid = dice.Next(1_000_000);
        var block = headers ? $"NATS/1.0\r\nk:{new string('v', dice.Next(30))}\r\n\r\n" : "";

        // A payload may look like the protocol itself.
        var payload = dice.Next(3) == 0 ? "MSG a 1 5\r\nPING\r\n"[..dice.Next(18)] : new string('p', dice.Next(1 << dice.Next(12)));
        var body = block + payload;
        var line = $"{(headers ? "HMSG" : "MSG")} {subject} {sid} {(reply.Length > 0 ? reply + " " : "")}{(headers ? block.Length + " " : "")}{body.Length}\r\n";
        return (line + body + "\r\n", $"{subject} {sid} {reply} {block.Length} {body}");
    }
}
