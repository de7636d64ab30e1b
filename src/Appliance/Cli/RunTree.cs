using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Cli;

/// <summary>Lines of a run's tree: sign, name, state, seconds, tokens; many children are summed up.</summary>
internal static class RunTree
{
    /// <summary>More children than this are one line of counts.</summary>
    private const int ChildrenShown = 8;

    public static List<string> Lines(Screen screen, RunView run)
    {
        var lines = new List<string>();
        var steps = run.Steps ?? [];
        for (var i = 0; i < steps.Count; i++)
        {
            Add(screen, lines, steps[i], "", i == steps.Count - 1);
        }

        return lines;
    }

    private static void Add(Screen screen, List<string> lines, StepView step, string indent, bool last)
    {
        lines.Add(Line(screen, step, indent + (last ? "└─ " : "├─ ")));
        var below = indent + (last ? "   " : "│  ");
        if (step.ChildrenTotal > ChildrenShown)
        {
            lines.Add(below + screen.Dim($"└─ {step.ChildrenDone} of {step.ChildrenTotal} done{CountsOf(step)}"));
            return;
        }

        for (var i = 0; i < step.Children.Count; i++)
        {
            Add(screen, lines, step.Children[i], below, i == step.Children.Count - 1);
        }
    }

    private static string Line(Screen screen, StepView step, string prefix)
    {
        var name = Screen.Safe(step.Id);
        var pad = new string(' ', Math.Max(1, 28 - prefix.Length - name.Length));
        var time = step.StartedAt is null ? "" : Screen.Seconds(step.Seconds);
        var tokens = step.TokensIn + step.TokensOut > 0 ? $"{step.TokensIn} in {step.TokensOut} out" : "";
        var attempts = step.Attempts > 1 ? $"  attempt {step.Attempts}" : "";
        var detail = string.IsNullOrEmpty(step.Detail) || step.State == StepStateName.Done ? "" : "  " + Cut(Screen.Safe(step.Detail).ReplaceLineEndings(" "), screen.Width - 70);
        return screen.Dim(prefix) + StepGlyph.Paint(screen, step.State, $"{StepGlyph.Of(step.State)} {name}") + pad
            + $"{step.Kind,-8}{time,8}  {screen.Dim(tokens)}{attempts}{detail}";
    }

    private static string CountsOf(StepView step)
    {
        var running = step.Children.Count(c => c.State == StepStateName.Running);
        var failed = step.Children.Count(c => c.State is StepStateName.Failed or StepStateName.Unknown);
        return (running > 0 ? $", {running} running" : "") + (failed > 0 ? $", {failed} failed" : "");
    }

    private static string Cut(string text, int width) => text.Length <= Math.Max(20, width) ? text : text[..Math.Max(20, width)] + "…";
}

/// <summary>Redraws the tree in place as the run goes.</summary>
internal sealed class RunTreeDisplay(Screen screen) : IRunDisplay
{
    /// <summary>Redraws closer together than this are left out: ten a second are fluent.</summary>
    private const long MinGapMs = 100;

    private int _drawn;
    private long _drawnAt;

    public bool WantsRun { get; private set; } = true;

    public void Event(RunEventView item) => WantsRun = item.Type == "run.finished" || Environment.TickCount64 - _drawnAt >= MinGapMs;

    public void Run(RunView run)
    {
        var lines = RunTree.Lines(screen, run);
        if (_drawn > 0)
        {
            screen.Out.Write($"\u001b[{_drawn}A\u001b[J");
        }

        foreach (var line in lines)
        {
            screen.Line(line);
        }

        (_drawn, _drawnAt) = (lines.Count, Environment.TickCount64);
    }

    public void Note(string text)
    {
        screen.Line(screen.Yellow("  " + text));
        _drawn = 0;
    }
}
