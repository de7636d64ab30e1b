using System.Buffers;
using System.Text;
using Jesus.Appliance.Security.Redaction;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Security.Redaction;

public sealed class RedactionTests
{
    private readonly RedactionSession _session = new Redactor().Begin();

    [Theory]
    [InlineData("write to bob@example.com.", "write to [[EMAIL_1]].")]
    [InlineData("<a.b+c@mail.example.co.uk>,(x@y.io)", "<[[EMAIL_1]]>,([[EMAIL_2]])")]
    [InlineData("twice bob@example.com and bob@example.com", "twice [[EMAIL_1]] and [[EMAIL_1]]")]
    [InlineData("{\"to\":\"a\\nbob@example.com\"}", "{\"to\":\"a\\n[[EMAIL_1]]\"}")]
    [InlineData("no user@host, no @handle, no a@b.c1", "no user@host, no @handle, no a@b.c1")]
    [InlineData("pay 4111 1111 1111 1111 now", "pay [[CARD_1]] now")]
    [InlineData("pay 4111-1111-1111-1111, or 378282246310005", "pay [[CARD_1]], or [[CARD_2]]")]
    [InlineData("order 4111 1111 1111 1112 and id 1234567890123456", "order 4111 1111 1111 1112 and id 1234567890123456")]
    [InlineData("key sk-abcdefghijklmnop1234 done", "key [[SECRET_1]] done")]
    [InlineData("AKIAIOSFODNN7EXAMPLEX ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[[SECRET_1]] [[SECRET_2]]")]
    [InlineData("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.", "jwt [[SECRET_1]].")]
    [InlineData("sk-ip, skill, eyJ, task-force-of-seventeen-people", "sk-ip, skill, eyJ, task-force-of-seventeen-people")]
    [InlineData("Ünïcödé jürgen@example.com größe", "Ünïcödé jü[[EMAIL_1]] größe")]
    [InlineData("", "")]
    public void Values_become_placeholders_and_the_rest_stays(string text, string expected) => Assert.Equal(expected, _session.Redact(text));

    [Fact]
    public void A_placeholder_that_the_user_wrote_is_never_mistaken_for_ours()
    {
        var request = new ModelRequest();
        request.Turns.Add(TurnRole.User, request.Text.Copy("what is [[EMAIL_7]]? ask bob@example.com"));
        Assert.True(_session.Redact(request).IsNone);
        Assert.Equal("what is [[EMAIL_7]]? ask [[EMAIL_8]]", request.Turns.Parts[0].Text.ToString());
        Assert.Equal("[[EMAIL_7]] is bob@example.com", Restore(_session.Placeholders, "[[EMAIL_7]] is [[EMAIL_8]]", 3));
    }

    [Fact]
    public void The_request_is_whole_again_after_undo_and_keeps_its_placeholders_in_the_next_attempt()
    {
        var request = new ModelRequest { Body = "{\"raw\":1}"u8.ToArray(), BodyShape = ApiShape.OpenAiChat };
        request.Turns.Add(TurnRole.System, request.Text.Copy("admin is root@example.com"));
        request.Turns.Add(TurnRole.User, request.Text.Copy("nothing here"));
        request.Turns.Begin(TurnRole.Assistant);
        request.Turns.Add(new TurnPart(PartKind.ToolCall, request.Text.Copy("{\"to\":\"root@example.com\"}"), request.Text.Copy("id1"), request.Text.Copy("mail")));
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Assert.True(_session.Redact(request).IsNone);
            Assert.Equal(["admin is [[EMAIL_1]]", "nothing here", "{\"to\":\"[[EMAIL_1]]\"}"], request.Turns.Parts.Select(p => p.Text.ToString()));
            Assert.True(request.Body.IsEmpty);
            Assert.Equal("mail", request.Turns.Parts[2].Name.ToString());
            _session.Undo(request);
            Assert.Equal(["admin is root@example.com", "nothing here", "{\"to\":\"root@example.com\"}"], request.Turns.Parts.Select(p => p.Text.ToString()));
            Assert.Equal(ApiShape.OpenAiChat, request.BodyShape);
            Assert.Equal(9, request.Body.Length);
        }
    }

    [Fact]
    public void Restoring_gives_the_same_text_whatever_the_chunks()
    {
        for (var seed = 1; seed <= 2000; seed++)
        {
            var random = new Random(seed);
            var session = new Redactor().Begin();
            var text = RandomText(random);
            var redacted = session.Redact(text);
            Assert.DoesNotContain("@example", redacted, StringComparison.Ordinal);
            Assert.True(text == Restore(session.Placeholders, redacted, random.Next(1, 12)), $"seed {seed}: {text}");
        }
    }

    [Fact]
    public async Task The_sink_restores_each_stream_by_itself_and_flushes_before_the_end()
    {
        _session.Redact("bob@example.com amy@example.com");
        var heard = new List<string>();
        var sink = _session.Restoring(new Listener(heard));
        await sink.WriteAsync(Event(EventKind.Started, ""));
        await sink.WriteAsync(Event(EventKind.Text, "to [[EMA"));
        await sink.WriteAsync(Event(EventKind.ToolCallStart, "mail"));
        await sink.WriteAsync(Event(EventKind.ToolCallArguments, "{\"to\":\"[[EMAIL_2"));
        await sink.WriteAsync(Event(EventKind.Text, "IL_1]] and [[EMAIL_1"));
        await sink.WriteAsync(Event(EventKind.ToolCallArguments, "]]\"}"));
        await sink.WriteAsync(Event(EventKind.Finished, ""));
        Assert.Equal(
            [
                "Started:", "Text:to ", "ToolCallStart:mail", "ToolCallArguments:{\"to\":\"", "Text:bob@example.com and ",
                "ToolCallArguments:amy@example.com\"}", "Text:[[EMAIL_1", "Finished:",
            ],
            heard);
    }

    private static ModelEvent Event(EventKind kind, string text) => new() { Kind = kind, Utf8 = Encoding.UTF8.GetBytes(text) };

    private static string RandomText(Random random)
    {
        string[] pieces =
        [
            "bob@example.com", "amy.b@mail.example.org", "4111 1111 1111 1111", "sk-abcdefghijklmnop1234",
            "[[EMAIL_1", "[[", "]]", "[", " ", "größe ", "\\n", "\\u00e9", "text, ", "[[SECRET_",
        ];
        var text = new StringBuilder();
        for (var n = random.Next(1, 20); n > 0; n--)
        {
            text.Append(pieces[random.Next(pieces.Length)]).Append(' ');
        }

        return text.ToString();
    }

    private static string Restore(Placeholders placeholders, string text, int chunk)
    {
        var restorer = new PlaceholderRestorer(placeholders);
        var output = new ArrayBufferWriter<byte>();
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var at = 0; at < bytes.Length; at += chunk)
        {
            restorer.Restore(bytes.AsSpan(at, Math.Min(chunk, bytes.Length - at)), output);
        }

        restorer.Flush(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private sealed class Listener(List<string> heard) : IAnswerSink
    {
        public ValueTask WriteAsync(ModelEvent item)
        {
            heard.Add($"{item.Kind}:{Encoding.UTF8.GetString(item.Utf8.Span)}");
            return ValueTask.CompletedTask;
        }
    }
}
