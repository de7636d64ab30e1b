using System.Globalization;
using System.Text;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Appliance.Gateway.OpenAi;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;
using Jesus.Transport.Sse;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Tests.Translation;

/// <summary>
/// Answers go out through each API's writer of the gateway, streamed and whole, and are read again by the adapter of the same API: what came in comes out, so a
/// chain of gateways, or a fallback from one shape to the other, changes nothing that both can say.
/// </summary>
public sealed class AnswerTranslationTests
{
    private const int Seeds = 2_000;

    [Fact]
    public async Task An_answer_streamed_in_Anthropics_shape_is_read_as_it_was()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var (events, reason, usage) = new AnswerDice(seed).Next(signed: true);
            var wire = await StreamMessageAsync(events, reason, usage);
            using var reader = new MessagesAnswer();
            Same(events, ReadStream(reader, wire, seed), seed, wire);
            Same(usage, reader.Usage, seed, wire);
        }
    }

    [Fact]
    public async Task A_message_begins_with_what_whoever_answers_says_of_the_prompt()
    {
        var usage = new Usage { InputTokens = 90, CachedInputTokens = 60, CacheWriteTokens = 20, OutputTokens = 1 };
        var started = new ModelEvent { Kind = EventKind.Started, Index = 90, CachedTokens = 60, CacheWriteTokens = 20 };
        var wire = await StreamMessageAsync([started, new() { Kind = EventKind.Text, Utf8 = "x"u8.ToArray() }], FinishReason.Stop, usage);
        Assert.Contains("\"input_tokens\":10,\"cache_creation_input_tokens\":20,\"cache_read_input_tokens\":60,\"output_tokens\":0", wire, StringComparison.Ordinal);
        using var reader = new MessagesAnswer();
        Assert.Equal(started.ToPrompt(), ReadStream(reader, wire, seed: 1)[0].ToPrompt());
        Assert.Equal(usage, reader.Usage);
    }

    [Fact]
    public async Task An_answer_streamed_in_OpenAIs_shape_is_read_as_it_was()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var (events, reason, usage) = new AnswerDice(seed).Next(signed: false);
            var wire = await StreamChatAsync(events, reason, usage);
            using var reader = new ChatAnswer();
            Same(events, ReadStream(reader, wire, seed), seed, wire);
            Same(usage, reader.Usage, seed, wire);
        }
    }

    [Fact]
    public async Task An_answer_that_went_through_both_shapes_is_read_as_it_was()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var (events, reason, usage) = new AnswerDice(seed).Next(signed: false);
            using var messages = new MessagesAnswer();
            var once = ReadStream(messages, await StreamMessageAsync(events, reason, usage), seed);
            using var chat = new ChatAnswer();
            var wire = await StreamChatAsync(once, reason, messages.Usage!.Value);
            var twice = ReadStream(chat, wire, seed);
            Same(events, twice, seed, wire);
            using var back = new MessagesAnswer();
            Same(events, ReadStream(back, await StreamMessageAsync(twice, reason, chat.Usage!.Value), seed), seed, wire);
            Same(usage, back.Usage, seed, wire);
        }
    }

    [Fact]
    public async Task A_whole_answer_is_read_as_it_was_in_either_shape()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var (events, reason, usage) = new AnswerDice(seed).Next(signed: true);
            var collector = new MessageCollector();
            await FeedAsync(events, collector);
            var message = Json(json => collector.Write(json, "msg_1", "m", Outcome(reason, usage)));
            using var messages = new MessagesAnswer();
            Same(events, ReadWhole(messages, message, seed), seed, message);
            Same(usage, messages.Usage, seed, message);

            (events, reason, usage) = new AnswerDice(seed).Next(signed: false);
            var choices = new Jesus.Appliance.Gateway.OpenAi.ChatExchange().Collector;
            await FeedAsync(events, choices);
            var completion = Json(json => choices.Write(json, "chatcmpl-1", 1, new ChatWishes { Model = "m", ParallelToolCalls = true }, Outcome(reason, usage)));
            using var chat = new ChatAnswer();
            Same(events, ReadWhole(chat, completion, seed), seed, completion);
            Same(usage, chat.Usage, seed, completion);
        }
    }

    private static async Task<string> StreamMessageAsync(List<ModelEvent> events, FinishReason reason, Usage usage)
    {
        var exchange = new MessageExchange();
        var (http, body) = Http();
        exchange.Stream.Begin(new GatewayRequest(http, Principal.System, "r"), exchange.Call, "msg_1", "m", TimeProvider.System);
        await FeedAsync(events, exchange.Stream);
        await exchange.Stream.Finish(Outcome(reason, usage));
        return Encoding.UTF8.GetString(body.ToArray());
    }

    private static async Task<string> StreamChatAsync(List<ModelEvent> events, FinishReason reason, Usage usage)
    {
        var exchange = new Jesus.Appliance.Gateway.OpenAi.ChatExchange();
        var (http, body) = Http();
        var wishes = new ChatWishes { Model = "m", Stream = true, IncludeUsage = true, ParallelToolCalls = true };
        exchange.Stream.Begin(new GatewayRequest(http, Principal.System, "r"), exchange.Call, 1, wishes);
        await FeedAsync(events, exchange.Stream);
        await exchange.Stream.Finish(Outcome(reason, usage));
        return Encoding.UTF8.GetString(body.ToArray());
    }

    private static (HttpContext Http, MemoryStream Body) Http()
    {
        var http = new DefaultHttpContext();
        var body = new MemoryStream();
        http.Response.Body = body;
        return (http, body);
    }

    private static async Task FeedAsync(List<ModelEvent> events, IAnswerSink sink)
    {
        foreach (var item in events)
        {
            await sink.WriteAsync(item);
        }
    }

    private static Outcome Outcome(FinishReason reason, Usage usage) => new() { Reason = reason, Usage = usage };

    private static string Json(Action<System.Text.Json.Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using var json = new System.Text.Json.Utf8JsonWriter(buffer, JsonReply.Options);
        write(json);
        json.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The stream in pieces cut anywhere.</summary>
    private static List<ModelEvent> ReadStream(AnswerReader reader, string wire, int seed)
    {
        var dice = new TestDice(seed);
        using var sse = new SseReader();
        var read = new List<ModelEvent>();
        var bytes = Encoding.UTF8.GetBytes(wire);
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(bytes.Length - at, 1 + dice.Next(300));
            ReadOnlySpan<byte> piece = bytes.AsSpan(at, count);
            while (sse.Read(ref piece) == SseStatus.Event)
            {
                if (!sse.Data.Span.SequenceEqual("[DONE]"u8))
                {
                    Take(reader, sse.Data.Span, read, seed);
                }
            }

            at += count;
        }

        Assert.True(reader.IsFinished, $"seed {seed}: not finished\n{wire}");
        return read;
    }

    private static List<ModelEvent> ReadWhole(AnswerReader reader, string json, int seed)
    {
        var read = new List<ModelEvent>();
        Take(reader, Encoding.UTF8.GetBytes(json), read, seed);
        Assert.True(reader.IsFinished, $"seed {seed}: not finished\n{json}");
        return read;
    }

    private static void Take(AnswerReader reader, ReadOnlySpan<byte> json, List<ModelEvent> into, int seed)
    {
        var wrong = reader.Read(json);
        Assert.True(wrong is null, $"seed {seed}: {wrong}: {Encoding.UTF8.GetString(json)}");
        for (var i = 0; i < reader.EventCount; i++)
        {
            var item = reader.EventAt(i);
            into.Add(item with { Utf8 = item.Utf8.ToArray(), ToolCallId = item.ToolCallId.ToArray() });
        }
    }

    /// <summary>Texts joined: where a piece ends says nothing.</summary>
    private static string Joined(List<ModelEvent> events)
    {
        var lines = new StringBuilder();
        ModelEvent last = default;
        foreach (var item in events)
        {
            if (item.Kind != last.Kind || item.Index != last.Index || item.Kind is not (EventKind.Text or EventKind.Reasoning or EventKind.ToolCallArguments))
            {
                var reason = item.Kind == EventKind.Finished ? item.Reason.ToString() : "";
                lines.Append(CultureInfo.InvariantCulture, $"\n{item.Kind} {item.Index} {Encoding.UTF8.GetString(item.ToolCallId.Span)} {reason}: ");
            }

            lines.Append(Encoding.UTF8.GetString(item.Utf8.Span));
            last = item;
        }

        return lines.ToString();
    }

    private static void Same(List<ModelEvent> expected, List<ModelEvent> actual, int seed, string wire) =>
        Assert.True(Joined(expected) == Joined(actual), $"seed {seed}\n--- said\n{Joined(expected)}\n--- came out as\n{Joined(actual)}\n--- wire\n{wire}");

    private static void Same(Usage expected, Usage? actual, int seed, string wire) => Assert.True(expected == actual, $"seed {seed}: {expected} became {actual}\n{wire}");
}
