using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Cli;

/// <summary>A sign and a word for each state.</summary>
internal static class StepGlyph
{
    public static string Of(StepStateName state) => state switch
    {
        StepStateName.Pending => "·",
        StepStateName.Running => "▶",
        StepStateName.Waiting => "◌",
        StepStateName.Done => "✓",
        StepStateName.Skipped => "↷",
        StepStateName.Failed => "✗",
        StepStateName.Cancelled => "⊘",
        _ => "?",
    };

    public static string NameOf(StepStateName state) => state.ToString().ToLowerInvariant();

    public static string NameOf(RunStateName state) => state.ToString().ToLowerInvariant();

    public static string Paint(Screen screen, StepStateName state, string text) => state switch
    {
        StepStateName.Done => screen.Green(text),
        StepStateName.Failed or StepStateName.Unknown => screen.Red(text),
        StepStateName.Running => screen.Cyan(text),
        StepStateName.Waiting => screen.Yellow(text),
        _ => screen.Dim(text),
    };

    public static string Paint(Screen screen, RunStateName state) => state switch
    {
        RunStateName.Succeeded => screen.Green("succeeded"),
        RunStateName.Failed => screen.Red("failed"),
        RunStateName.Cancelled => screen.Yellow("cancelled"),
        _ => screen.Cyan(NameOf(state)),
    };
}
