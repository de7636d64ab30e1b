using System.Text.Json;
using System.Text.Json.Nodes;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;

namespace Jesus.Inference.Tests.Nano;

/// <summary>The 500 held-out cases of models/eval through the real engine: greedy, constrained, exactly right or wrong.</summary>
public sealed class NanoHeldOutTests(NanoHost host, ITestOutputHelper output) : IClassFixture<NanoHost>
{
    /// <summary>As many as the engine computes together.</summary>
    private const int Together = 16;

    [Fact]
    public async Task At_least_95_of_100_held_out_cases_are_exactly_right_in_judging_extracting_and_choosing_tools()
    {
        _ = await host.LoadAsync();
        var cases = File.ReadLines(TestData.Eval("heldout.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var right = new bool[cases.Length];
        await Parallel.ForAsync(0, cases.Length, new ParallelOptions { MaxDegreeOfParallelism = Together }, async (i, _) => right[i] = await IsRightAsync(cases[i]));
        var share = cases.Zip(right).GroupBy(pair => pair.First.GetProperty("task").GetString()!, pair => pair.Second)
            .ToDictionary(group => group.Key, group => group.Average(isRight => isRight ? 100.0 : 0));
        foreach (var (task, percent) in share.OrderBy(pair => pair.Key))
        {
            output.WriteLine($"{task}: {percent:F1} %");
        }

        Assert.All(["a", "b", "c"], task => Assert.True(share[task] >= 95, $"{task}: {share[task]:F1} %, 95 % is the bar"));
    }

    private async Task<bool> IsRightAsync(JsonElement item)
    {
        var request = ChatJson.Request(item);
        request.MaxOutputTokens = 400;
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(request, sink, CancellationToken.None);
        if (!result.Succeeded)
        {
            output.WriteLine($"{item.GetProperty("messages").GetRawText()}: {result.Error.Message}");
            return false;
        }

        var isRight = IsExpected(item.GetProperty("expect"), result, sink);
        if (!isRight)
        {
            output.WriteLine($"{item.GetProperty("task")} wanted {item.GetProperty("expect").GetRawText()}\n  got {sink.Text()}{sink.Join(EventKind.ToolCallStart)}{sink.Join(EventKind.ToolCallArguments)}");
        }

        return isRight;
    }

    private static bool IsExpected(JsonElement expect, CallResult result, RecordingSink sink)
    {
        if (expect.TryGetProperty("tool_call", out var call))
        {
            return result.Reason == FinishReason.ToolCalls
                && sink.Join(EventKind.ToolCallStart) == call.GetProperty("name").GetString()
                && AreEqual(call.GetProperty("arguments"), sink.Join(EventKind.ToolCallArguments));
        }

        return expect.TryGetProperty("text", out var text)
            ? result.Reason == FinishReason.Stop && sink.Text() == text.GetString()
            : result.Reason == FinishReason.Stop && AreEqual(expect, sink.Text());
    }

    private static bool AreEqual(JsonElement expected, string json) => JsonNode.DeepEquals(JsonNode.Parse(expected.GetRawText()), JsonNode.Parse(json));
}
