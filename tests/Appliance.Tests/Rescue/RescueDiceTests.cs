using System.Text;
using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>Scripts by the dice, boxes that die by the dice: what the client is given is always the script, or its beginning and an error.</summary>
public sealed class RescueDiceTests(ITestOutputHelper output)
{
    private const int Rounds = 1_500;
    private const int Boxes = 7;

    [Fact]
    public async Task Whatever_dies_the_client_is_given_the_answer_once_or_its_beginning_and_an_error()
    {
        var dice = RescueRig.Dice(output);
        var (rescues, errors) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            var script = Script(dice);
            var boxes = Enumerable.Range(0, Boxes).Select(i => new WordyAdapter($"box{i}", script, dice) { Life = i == Boxes - 1 && dice.Next(2) == 0 ? -1 : dice.Next(i == 0 ? 1 : 0, 40) }).ToArray();
            var (said, starts, ends) = (new StringBuilder(), 0, new List<FinishReason>());
            var sink = new CollectingSink
            {
                OnWrite = item =>
                {
                    starts += item.Kind == EventKind.Started ? 1 : 0;
                    if (item.Kind == EventKind.Finished)
                    {
                        ends.Add(item.Reason);
                    }
                    else if (item.Kind != EventKind.Started)
                    {
                        Say(said, item.Kind, item.Index, Encoding.UTF8.GetString(item.Utf8.Span));
                    }

                    return default;
                },
            };
            var outcome = await new TestPipeline(boxes, new RouteOptions { Retries = 0 }).RunAsync(sink, call => call.Request.MaxOutputTokens = 0);
            var whole = new StringBuilder();
            foreach (var piece in script.SelectMany(step => step))
            {
                Say(whole, piece.Kind, piece.Index, piece.Text);
            }

            Assert.True(starts <= 1 && ends.Count <= 1, $"round {round}: {starts} beginnings, {ends.Count} ends");
            Assert.True(outcome.Succeeded ? said.Equals(whole) : whole.ToString().StartsWith(said.ToString(), StringComparison.Ordinal), $"round {round}:\n{said}\ninstead of\n{whole}");
            Assert.Equal(outcome.Succeeded ? FinishReason.Stop : outcome.Committed ? FinishReason.Error : FinishReason.None, ends.FirstOrDefault());
            Assert.True(!outcome.Succeeded || (outcome.Usage.OutputTokens == script.Length && outcome.Usage.InputTokens == 10), $"round {round}: {outcome.Usage}");
            rescues += outcome is { Succeeded: true, Attempts: > 1 } ? 1 : 0;
            errors += outcome.Succeeded ? 0 : 1;
        }

        output.WriteLine($"{Rounds} answers, {rescues} came whole from several boxes, {errors} were lost with the last box");
        Assert.True(rescues > 0 && errors > 0, "the dice are loaded");
    }

    /// <summary>Kind and index where they change, then the text: equal for equal answers however they are cut.</summary>
    private static void Say(StringBuilder said, EventKind kind, int index, string text)
    {
        var mark = $"[{kind} {index}]";
        if (kind == EventKind.ToolCallStart || said.ToString().LastIndexOf(mark, StringComparison.Ordinal) is var at && (at < 0 || said.ToString().IndexOf('[', at + 1) >= 0))
        {
            said.Append(mark);
        }

        said.Append(text);
    }

    private static WordyAdapter.Piece[][] Script(Random dice)
    {
        var calls = 0;
        return
        [
            .. Enumerable.Range(0, dice.Next(1, 60)).Select(_ => Enumerable.Range(0, dice.Next(4)).Select(_ => dice.Next(6) switch
            {
                0 => new WordyAdapter.Piece(EventKind.ToolCallStart, calls++, "tool"),
                1 or 2 when calls > 0 => new WordyAdapter.Piece(EventKind.ToolCallArguments, calls - 1, Word(dice)),
                3 => new WordyAdapter.Piece(EventKind.Reasoning, 0, Word(dice)),
                _ => new WordyAdapter.Piece(EventKind.Text, 0, Word(dice)),
            }).ToArray()),
        ];
    }

    private static string Word(Random dice) => string.Concat(Enumerable.Range(0, dice.Next(1, 5)).Select(_ => (char)('a' + dice.Next(26))));
}
