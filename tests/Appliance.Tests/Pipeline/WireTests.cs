using System.Text;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>The provider's own bytes on their way through the pipeline.</summary>
public sealed class WireTests
{
    [Fact]
    public async Task What_a_candidate_sent_before_any_content_is_forgotten_with_it()
    {
        var cut = new FakeAdapter("a", async (_, sink, _) =>
        {
            await sink.WriteAsync(Wire("a-start", WirePart.Prelude));
            return CallResult.Failed(ErrorCause.Cut, "cut");
        });
        var answer = await ReadAsync(cut, new FakeAdapter("b", (_, sink, _) => AnswerAsync(sink)));

        Assert.Equal(["start", "hello", "(hello)", "end", "(finished)"], answer);
    }

    [Fact]
    public async Task The_end_goes_out_after_the_call_is_recorded()
    {
        TestPipeline test = null!;
        var recordsAtEnd = -1;
        test = new TestPipeline([new FakeAdapter("a", (_, sink, _) => AnswerAsync(sink))]);
        var sink = new CollectingSink
        {
            OnWrite = item =>
            {
                recordsAtEnd = item.Kind == EventKind.Wire && item.Wire == WirePart.Terminal ? test.Journal.Records.Count : recordsAtEnd;
                return ValueTask.CompletedTask;
            },
        };
        Assert.True((await test.RunAsync(sink)).Succeeded);
        Assert.Equal(2, recordsAtEnd);
    }

    [Fact]
    public async Task An_answer_that_must_be_whole_first_is_held_with_its_bytes()
    {
        var test = new TestPipeline(
            [
                new FakeAdapter("a", async (_, sink, _) =>
                {
                    await AnswerAsync(sink);
                    return CallResult.Failed(ErrorCause.Cut, "cut");
                }),
                new FakeAdapter("b", (_, sink, _) => AnswerAsync(sink)),
            ],
            new RouteOptions { Commit = CommitPoint.Complete });
        var lines = new List<string>();
        Assert.True((await test.RunAsync(Noting(lines))).Succeeded);
        Assert.Equal(["start", "hello", "(hello)", "end", "(finished)"], lines);
    }

    private static async ValueTask<CallResult> AnswerAsync(IAnswerSink sink)
    {
        await sink.WriteAsync(Wire("start", WirePart.Prelude));
        await sink.WriteAsync(Wire("hello", WirePart.Content));
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "hello"u8.ToArray(), InWire = true });
        await sink.WriteAsync(Wire("end", WirePart.Terminal));
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop, InWire = true });
        return new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 1, OutputTokens = 1 } };
    }

    private static async Task<List<string>> ReadAsync(params FakeAdapter[] adapters)
    {
        var lines = new List<string>();
        var outcome = await new TestPipeline(adapters).RunAsync(Noting(lines));
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        return lines;
    }

    private static CollectingSink Noting(List<string> lines) => new()
    {
        OnWrite = item =>
        {
            lines.Add(item.Kind == EventKind.Wire ? Encoding.UTF8.GetString(item.Utf8.Span)
                : item.Kind == EventKind.Finished ? "(finished)" : $"({Encoding.UTF8.GetString(item.Utf8.Span)})");
            return ValueTask.CompletedTask;
        },
    };

    private static ModelEvent Wire(string text, WirePart part) =>
        new() { Kind = EventKind.Wire, Utf8 = Encoding.UTF8.GetBytes(text), Wire = part, Shape = ApiShape.OpenAiChat };
}
