using System.Text;
using System.Text.Json.Nodes;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Appliance.Gateway.OpenAi;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Tests.Translation;

/// <summary>
/// Requests go from one API's shape into the other's and back: through the gateway's parsers and the adapters' writers, as they do when a route falls back from
/// one provider to the other. Nothing that both can say may be lost, or changed, on the way.
/// </summary>
public sealed class RequestTranslationTests
{
    private const int Seeds = 4_000;

    [Fact]
    public void What_an_OpenAI_caller_says_survives_the_way_through_Anthropics_shape()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var body = new RequestDice(seed).Chat().ToJsonString();
            var asked = ReadChat(body, seed);
            var said = Said.By(asked, Words.OfBoth);
            var messages = WriteMessages(asked, seed);
            var there = ReadMessages(messages, seed);
            Same(said, Said.By(there, Words.OfBoth), seed, body, messages);
            var chat = WriteChat(there, seed);
            Same(said, Said.By(ReadChat(chat, seed), Words.OfBoth), seed, messages, chat);
        }
    }

    [Fact]
    public void What_an_Anthropic_caller_says_survives_the_way_through_OpenAIs_shape()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var body = new RequestDice(seed).Messages().ToJsonString();
            var asked = ReadMessages(body, seed);
            var said = Said.By(asked, Words.OfBoth);
            var chat = WriteChat(asked, seed);
            var there = ReadChat(chat, seed);
            ResultsFollowTheirCalls(chat, seed);
            if (asked.Reasoning.BudgetTokens > 0)
            {
                // OpenAI's callers ask for an effort in place of a budget: the nearest step.
                there.Reasoning = there.Reasoning with { Effort = asked.Reasoning.Effort };
            }

            Same(WithoutImagesOfResults(asked, said), WithoutImagesOfResults(asked, Said.By(there, Words.OfBoth)), seed, body, chat);
            var messages = WriteMessages(there, seed);
            Same(Said.By(there, Words.OfBoth), Said.By(ReadMessages(messages, seed), Words.OfBoth), seed, chat, messages);
        }
    }

    [Fact]
    public void An_Anthropic_request_written_anew_says_everything_that_it_said()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var body = new RequestDice(seed).Messages().ToJsonString();
            var asked = ReadMessages(body, seed);
            var messages = WriteMessages(asked, seed);
            Same(Said.By(asked, Words.All), Said.By(ReadMessages(messages, seed), Words.All), seed, body, messages);
        }
    }

    [Fact]
    public void An_OpenAI_request_written_anew_says_everything_that_it_said()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var body = new RequestDice(seed).Chat().ToJsonString();
            var asked = ReadChat(body, seed);
            var chat = WriteChat(asked, seed);
            Same(Said.By(asked, Words.All), Said.By(ReadChat(chat, seed), Words.All), seed, body, chat);
        }
    }

    /// <summary>OpenAI's API refuses a conversation in which anything stands between an assistant's calls and the last of their results.</summary>
    private static void ResultsFollowTheirCalls(string chat, int seed)
    {
        var open = 0;
        foreach (var message in JsonNode.Parse(chat)!["messages"]!.AsArray())
        {
            open = message!["role"]!.GetValue<string>() == "tool" ? open - 1 : open;
            Assert.True(open == 0 || message["role"]!.GetValue<string>() == "tool", $"seed {seed}: {message["role"]} before all results\n{chat}");
            open += message["tool_calls"]?.AsArray().Count ?? 0;
        }

        Assert.True(open == 0, $"seed {seed}: {open} results too few or too many\n{chat}");
    }

    /// <summary>OpenAI's tool messages have no images: those of a result follow it as the user's, which is not compared.</summary>
    private static string WithoutImagesOfResults(ModelRequest asked, string said) => asked.Turns.Parts.Any(p => p.InResult && p.Kind == PartKind.Image)
        ? string.Join('\n', said.Split('\n').Where(line =>
            !line.Contains(" Image ", StringComparison.Ordinal) && !line.Contains("image in the next message", StringComparison.Ordinal)))
        : said;

    private static ModelRequest ReadChat(string json, int seed)
    {
        var request = new ModelRequest();
        var failure = ChatRequestParser.Parse(Encoding.UTF8.GetBytes(json), request, new GatewayOptions(), out _);
        Assert.True(failure.IsNone, $"seed {seed}: {failure.Message}\n{json}");
        Assert.True(request.VerbatimOnly.Length == 0, $"seed {seed}: only forwarding honours {request.VerbatimOnly}\n{json}");
        return request;
    }

    private static ModelRequest ReadMessages(string json, int seed)
    {
        var request = new ModelRequest();
        var failure = MessagesParser.Parse(Encoding.UTF8.GetBytes(json), request, new GatewayOptions(), counts: false, out _);
        Assert.True(failure.IsNone, $"seed {seed}: {failure.Message}\n{json}");
        Assert.True(request.VerbatimOnly.Length == 0, $"seed {seed}: only forwarding honours {request.VerbatimOnly}\n{json}");
        return request;
    }

    private static string WriteMessages(ModelRequest request, int seed) => Write(request, seed, (r, body) => MessagesRequest.Write(r, r.MaxOutputTokens, body));

    private static string WriteChat(ModelRequest request, int seed) =>
        Write(request, seed, (r, body) => ChatRequest.Write(r, new ChatDialect { HighestEffort = "xhigh", TakesReasoning = true }, body));

    /// <summary>Written anew, not forwarded: the request no longer has its caller's body.</summary>
    private static string Write(ModelRequest request, int seed, Func<ModelRequest, PooledBuffer, ModelError> write)
    {
        using var body = new PooledBuffer();
        request.Model = request.Text.Copy("m");
        request.BodyShape = ApiShape.None;
        var error = write(request, body);
        Assert.True(error.IsNone, $"seed {seed}: {error.Message}");
        var json = Encoding.UTF8.GetString(body.Span);
        Assert.NotNull(JsonNode.Parse(json));
        return json;
    }

    private static void Same(string expected, string actual, int seed, string from, string to) =>
        Assert.True(expected == actual, $"seed {seed}\n--- said\n{expected}\n--- came out as\n{actual}\n--- from\n{from}\n--- to\n{to}");
}
