using System.Text;
using Jesus.Tests.Faults;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Protocol;
using Jesus.Transport.Nats.Requests;

namespace Jesus.Transport.Tests.Nats;

public sealed class NatsSubjectTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("jesus.home.infer.m=2F1.box-a")]
    [InlineData("a.*.c")]
    [InlineData("a.>")]
    [InlineData(">")]
    [InlineData("$JS.API.>")]
    [InlineData("grüße.日本")]
    public void A_subject_is_taken_as_it_stands(string text)
    {
        var subject = NatsSubject.Parse(text);
        Assert.Equal(text, subject.ToString());
        Assert.Equal(text.Contains('*', StringComparison.Ordinal) || text.Contains('>', StringComparison.Ordinal), subject.HasWildcards);
        Assert.Equal(subject, NatsSubject.Parse(Encoding.UTF8.GetBytes(text)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData("a\tb")]
    [InlineData("a\r\nPUB b 0")]
    [InlineData("a\nb")]
    [InlineData("a\0")]
    [InlineData("a\u007f")]
    [InlineData("a.>.b")]
    [InlineData("a.b*")]
    [InlineData("a.**")]
    [InlineData(">>")]
    public void What_would_be_another_subject_or_another_frame_is_refused(string text)
    {
        Assert.False(NatsSubject.TryParse(text, out _, out var error));
        Assert.NotEmpty(error!);
        Assert.Throws<FormatException>(() => NatsSubject.Parse(text));
    }

    [Fact]
    public void A_subject_longer_than_a_control_line_bears_is_refused()
    {
        Assert.True(NatsSubject.TryParse(new string('x', NatsLimits.SubjectBytesMax), out _, out _));
        Assert.False(NatsSubject.TryParse(new string('x', NatsLimits.SubjectBytesMax + 1), out _, out _));
    }

    [Fact]
    public void Headers_that_would_be_other_headers_are_refused_and_nothing_of_them_is_kept()
    {
        var headers = new NatsHeaders();
        Assert.True(headers.TryAdd("traceparent"u8, "00-ab-cd-01"u8));
        Assert.False(headers.TryAdd("a"u8, "b\r\nc: d"u8));
        Assert.False(headers.TryAdd("a"u8, "b\nc"u8));
        Assert.False(headers.TryAdd("a\r\nb"u8, "c"u8));
        Assert.False(headers.TryAdd("a:b"u8, "c"u8));
        Assert.False(headers.TryAdd("a b"u8, "c"u8));
        Assert.False(headers.TryAdd(""u8, "c"u8));
        Assert.False(headers.TryAdd("long"u8, new byte[NatsLimits.HeaderBytesMax]));
        Assert.Throws<ArgumentException>(() => headers.Add("x", "a\r\nNats-Msg-Id: 1"));
        Assert.True(headers.TryAdd("empty"u8, default));
        Assert.Equal("NATS/1.0\r\ntraceparent: 00-ab-cd-01\r\nempty: \r\n\r\n", Encoding.UTF8.GetString(headers.Block.Span));
        headers.Clear();
        Assert.True(headers.IsEmpty);
        Assert.Equal("NATS/1.0\r\n\r\n", Encoding.UTF8.GetString(headers.Block.Span));
    }

    [Fact]
    public void Headers_are_read_in_place()
    {
        var view = new NatsHeadersView("NATS/1.0 409 Message Size Exceeds MaxBytes\r\nNats-Pending-Messages: 3\r\nA:1\r\nA:  2 \r\nno colon\r\nempty:\r\n\r\n"u8.ToArray());
        Assert.Equal(409, view.Status);
        Assert.Equal("Message Size Exceeds MaxBytes", Encoding.UTF8.GetString(view.Description.Span));
        Assert.True(view.TryGet("A"u8, out var value) && value.Span.SequenceEqual("1"u8));
        Assert.False(view.TryGet("a"u8, out _));
        Assert.True(view.TryGet("empty"u8, out value) && value.IsEmpty);
        var all = new List<string>();
        foreach (var field in view)
        {
            all.Add($"{Encoding.UTF8.GetString(field.Name.Span)}={Encoding.UTF8.GetString(field.Value.Span)}");
        }

        Assert.Equal(["Nats-Pending-Messages=3", "A=1", "A=2", "empty="], all);
        Assert.Equal(0, new NatsHeadersView("NATS/1.0\r\nA: 1\r\n\r\n"u8.ToArray()).Status);
        Assert.Equal(503, new NatsHeadersView("NATS/1.0 503\r\n\r\n"u8.ToArray()).Status);
        Assert.Equal(0, default(NatsHeadersView).Status);
        Assert.False(default(NatsHeadersView).TryGet("A"u8, out _));
    }

    [Fact]
    public void Headers_of_a_thousand_broken_blocks_are_read_without_failing()
    {
        for (var seed = 1; seed <= 1_000; seed++)
        {
            var dice = new TestDice(seed);
            var block = new byte[dice.Next(60)];
            for (var i = 0; i < block.Length; i++)
            {
                block[i] = (byte)"NATS/1.0 503 a:b\r\n\r\n:: \0"[dice.Next(24)];
            }

            var view = new NatsHeadersView(block);
            _ = (view.Status, view.Description, view.TryGet("a"u8, out _));
        }
    }

    /// <summary>After a connection broke: what was published stays, in order and whole; the rest of what waited does not.</summary>
    [Fact]
    public void Of_what_waited_only_what_was_published_is_kept()
    {
        for (var seed = 1; seed <= 200; seed++)
        {
            var dice = new TestDice(seed);
            var (all, kept, count) = (new StringBuilder(), new StringBuilder(), 0);
            for (var i = 0; i < dice.Next(30); i++)
            {
                var payload = dice.Next(2) == 0 ? "SUB a 1\r\nPUB b 3\r\nxyz\r\n"[..dice.Next(24)] : "";
                var frame = dice.Next(8) switch
                {
                    0 => "PING\r\n",
                    1 => "SUB a.b q 65536\r\n",
                    2 => "UNSUB 65536 5\r\n",
                    3 => $"PUB a.b _I.me.0123456789ab {payload.Length}\r\n{payload}\r\n",
                    4 => $"PUB a.b _I.other.1 {payload.Length}\r\n{payload}\r\n",
                    5 => $"HPUB a.b 12 {12 + payload.Length}\r\nNATS/1.0\r\n\r\n{payload}\r\n",
                    6 => $"HPUB a.b _I.me.0123456789ab 12 {12 + payload.Length}\r\nNATS/1.0\r\n\r\n{payload}\r\n",
                    _ => $"PUB a {payload.Length}\r\n{payload}\r\n",
                };
                all.Append(frame);
                if (frame[..5].Contains("PUB", StringComparison.Ordinal) && !frame.Contains("_I.me.", StringComparison.Ordinal))
                {
                    kept.Append(frame);
                    count++;
                }
            }

            var bytes = Encoding.UTF8.GetBytes(all.ToString());
            var (length, publishes) = PendingFrames.KeepPublishes(bytes, "_I.me."u8);
            Assert.True(kept.ToString() == Encoding.UTF8.GetString(bytes, 0, length) && publishes == count, $"seed {seed}");
        }
    }

    [Fact]
    public void A_reply_s_token_is_read_as_it_was_written()
    {
        var text = new byte[ReplyToken.Bytes];
        for (var seed = 1; seed <= 1_000; seed++)
        {
            var dice = new TestDice(seed);
            var token = ((long)dice.Next(int.MaxValue) << 33) ^ ((long)dice.Next(int.MaxValue) << 11) ^ dice.Next(int.MaxValue);
            ReplyToken.Write(text, token);
            Assert.True(NatsSubject.IsPublishable(text));
            Assert.Equal(token, ReplyToken.Read(text));
            Assert.Equal(token, ReplyToken.Read(Encoding.ASCII.GetBytes(ReplyToken.ToString((ulong)token))));
        }

        ReplyToken.Write(text, -1);
        Assert.Equal("P__________", Encoding.ASCII.GetString(text));
        Assert.Equal(-1, ReplyToken.Read(text));
        _ = ReplyToken.Read("no digits!!"u8);
    }

    [Theory]
    [InlineData("nats://box:4333", "box:4333", false, "", "")]
    [InlineData("box", "box:4222", false, "", "")]
    [InlineData("10.0.0.7:5", "10.0.0.7:5", false, "", "")]
    [InlineData("tls://a:p%40ss@box", "box:4222", true, "a", "p@ss")]
    [InlineData("nats://token@[::1]:7", "[::1]:7", false, "token", "")]
    public void A_url_is_understood(string url, string address, bool tls, string user, string password)
    {
        var (server, error) = ServerAddress.Parse(url);
        Assert.Null(error);
        Assert.Equal((address, tls, user, password), (server!.Address, server.Tls, server.User, server.Password));
    }

    [Theory]
    [InlineData("http://box")]
    [InlineData("")]
    [InlineData("nats://")]
    [InlineData("nats://me:secret@")]
    public void What_is_no_url_is_refused_without_its_secret(string url)
    {
        var (server, error) = ServerAddress.Parse(url);
        Assert.Null(server);
        Assert.DoesNotContain("secret", error!, StringComparison.Ordinal);
    }
}
