using Jesus.Appliance.Cli;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Tests.Cli;

public sealed class ScreenTests
{
    [Fact]
    public void Text_from_elsewhere_cannot_steer_the_terminal()
    {
        Assert.Equal("?[2Jgone\nnext\tcolumn?", Screen.Safe("\u001b[2Jgone\nnext\tcolumn\u009b"));
        Assert.Equal("plain grüße", Screen.Safe("plain grüße"));
    }

    [Fact]
    public void Colour_is_for_terminals_only()
    {
        Assert.Equal("x", Of(isTerminal: false, colour: true).Red("x"));
        Assert.Equal("x", Of(isTerminal: true, colour: false).Red("x"));
        Assert.Equal("\u001b[31mx\u001b[0m", Of(isTerminal: true, colour: true).Red("x"));
    }

    [Theory]
    [InlineData(0.5, "0.50s")]
    [InlineData(59.94, "59.9s")]
    [InlineData(600, "10.0m")]
    [InlineData(36000, "10.0h")]
    public void Durations_keep_three_figures(double seconds, string text) => Assert.Equal(text, Screen.Seconds(seconds));

    [Fact]
    public void A_tree_shows_few_children_and_counts_many()
    {
        var few = RunTree.Lines(Of(isTerminal: false, colour: false), RunOf(3));
        Assert.Equal(4, few.Count);
        Assert.StartsWith("└─ ▶ each", few[0], StringComparison.Ordinal);
        Assert.StartsWith("   └─ ✓ [2]", few[3], StringComparison.Ordinal);

        var many = RunTree.Lines(Of(isTerminal: false, colour: false), RunOf(100));
        Assert.Equal(2, many.Count);
        Assert.Contains("100 of 100 done", many[1], StringComparison.Ordinal);
    }

    private static RunView RunOf(int children) => new()
    {
        Id = "r",
        Workflow = "w",
        State = RunStateName.Running,
        Steps =
        [
            new StepView
            {
                Id = "each", Path = "each", Kind = "map", State = StepStateName.Running, ChildrenTotal = children, ChildrenDone = children,
                Children = [.. Enumerable.Range(0, children).Select(i => new StepView { Id = $"[{i}]", Path = $"each[{i}]", Kind = "item", State = StepStateName.Done })],
            },
        ],
    };

    private static Screen Of(bool isTerminal, bool colour) => new(TextWriter.Null, TextWriter.Null, isTerminal, 100, colour);
}
