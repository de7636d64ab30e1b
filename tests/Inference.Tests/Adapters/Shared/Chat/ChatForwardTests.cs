using System.Text;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Adapters.Shared.Chat;

public sealed class ChatForwardTests
{
    [Theory]
    [InlineData("{ \"model\" : \"route\" , \"n\":1.0e0,\"x_new\":[ 1,2 ] }", "{ \"model\" : \"m\" , \"n\":1.0e0,\"x_new\":[ 1,2 ] }")]
    [InlineData("{\"messages\":[{\"content\":\"\\u00fc\"}],\"mod\\u0065l\":\"route\"}\n", "{\"messages\":[{\"content\":\"\\u00fc\"}],\"mod\\u0065l\":\"m\"}")]
    [InlineData("{\"model\":\"a\",\"model\":\"b\"}", "{\"model\":\"m\",\"model\":\"m\"}")]
    [InlineData("{\"inputs\":{\"a\":\"b\"}, \"model\":\"a\"}", "{\"model\":\"m\"}")]
    [InlineData("{\"model\":\"a\", \"inputs\":{}}", "{\"model\":\"m\"}")]
    [InlineData("{\"model\":\"a\", \"inputs\":{} , \"x\":1}", "{\"model\":\"m\" , \"x\":1}")]
    [InlineData("{\"model\":\"a\",\"inputs\":1,\"inputs\":2}", "{\"model\":\"m\"}")]
    [InlineData("{\"inputs\":1,\"inputs\":2,\"model\":\"a\"}", "{\"model\":\"m\"}")]
    [InlineData("{\"model\":\"a\",\"stream_options\":null}", "{\"model\":\"m\",\"stream_options\":null}")]
    [InlineData("{}", "{}")]
    public void A_body_goes_out_byte_for_byte_but_for_the_models_name(string sent, string expected) =>
        Assert.Equal((expected, false), Forwarded(sent, streams: false));

    [Theory]
    [InlineData("{\"model\":\"a\",\"stream\":true}", "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", true)]
    [InlineData("{\"model\":\"a\",\"stream_options\":{ \"include_usage\": true }}", "{\"model\":\"m\",\"stream_options\":{ \"include_usage\": true }}", false)]
    [InlineData("{\"model\":\"a\",\"stream_options\":{\"x\":1, \"include_usage\":false}}", "{\"model\":\"m\",\"stream_options\":{\"x\":1, \"include_usage\":true}}", true)]
    [InlineData("{\"model\":\"a\",\"stream_options\":{\"x\":1}}", "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true,\"x\":1}}", true)]
    [InlineData("{\"model\":\"a\",\"stream_options\":{}}", "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}", true)]
    [InlineData("{\"stream_options\":null,\"model\":\"a\"}", "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"}", true)]
    public void The_usage_of_a_stream_is_always_asked_for_and_hidden_where_the_caller_did_not(string sent, string expected, bool hidden) =>
        Assert.Equal((expected, hidden), Forwarded(sent, streams: true));

    [Fact]
    public void A_priority_is_ours_where_the_server_queues_by_it()
    {
        var dialect = new ChatDialect { HasPriority = true };
        Assert.Equal(("{\"model\":\"m\",\"priority\":-5}", false), Forwarded("{\"model\":\"a\",\"priority\":-99}", false, dialect, priority: -5));
        Assert.Equal(("{\"model\":\"m\",\"priority\":-99}", false), Forwarded("{\"model\":\"a\",\"priority\":-99}", false, priority: -5));
    }

    [Fact]
    public void Bodies_that_are_cut_or_mutated_are_refused_or_stay_whole_json()
    {
        var whole = "{\"model\":\"a\",\"inputs\":{},\"stream_options\":{\"x\":1},\"messages\":[{\"role\":\"user\",\"content\":\"\\u00fc\"}],\"n\":1}"u8.ToArray();
        for (var seed = 0; seed < 20_000; seed++)
        {
            var dice = new TestDice(seed);
            var mutated = whole.ToArray();
            for (var i = dice.Next(3); i > 0; i--)
            {
                mutated[dice.Next(mutated.Length)] = (byte)(32 + dice.Next(96));
            }

            var request = Request(mutated.AsMemory(0, dice.Next(4) == 0 ? dice.Next(mutated.Length) + 1 : mutated.Length), dice.Next(2) == 0);
            using var body = new PooledBuffer();
            if (ChatForward.Write(request, new ChatDialect(), body, out _).IsNone)
            {
                using var _ = System.Text.Json.JsonDocument.Parse(body.Memory);
            }
        }
    }

    private static (string Body, bool Hidden) Forwarded(string sent, bool streams, ChatDialect? dialect = null, int priority = 0)
    {
        var request = Request(Encoding.UTF8.GetBytes(sent), streams);
        request.Priority = priority;
        using var body = new PooledBuffer();
        var error = ChatForward.Write(request, dialect ?? new ChatDialect(), body, out var hidden);
        Assert.True(error.IsNone, error.Message);
        return (Encoding.UTF8.GetString(body.Span), hidden);
    }

    private static ModelRequest Request(ReadOnlyMemory<byte> body, bool streams)
    {
        var request = new ModelRequest { Body = body, BodyShape = ApiShape.OpenAiChat, Streams = streams };
        request.Model = request.Text.Copy("m");
        return request;
    }
}
