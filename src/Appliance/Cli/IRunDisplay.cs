using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Cli;

/// <summary>How a followed run is shown.</summary>
internal interface IRunDisplay
{
    /// <summary>After an event the whole run is fetched and shown.</summary>
    bool WantsRun { get; }

    void Event(RunEventView item);

    void Run(RunView run);

    void Note(string text);
}

/// <summary>Shows nothing: the result follows as JSON.</summary>
internal sealed class SilentDisplay : IRunDisplay
{
    public bool WantsRun => false;

    public void Event(RunEventView item)
    {
    }

    public void Run(RunView run)
    {
    }

    public void Note(string text)
    {
    }
}

/// <summary>One line for each thing that happened.</summary>
internal sealed class RunLinesDisplay(Screen screen) : IRunDisplay
{
    private string _note = "";

    public bool WantsRun => false;

    public void Event(RunEventView item)
    {
        _note = "";
        if (item.Step is { } step && item.Type is not "step.started")
        {
            var tokens = step.TokensIn + step.TokensOut > 0 ? $"  {step.TokensIn} in {step.TokensOut} out" : "";
            var detail = step.Detail ?? item.Message;
            screen.Line($"  {StepGlyph.Of(step.State)} {Screen.Safe(step.Path)} {step.Kind} {StepGlyph.NameOf(step.State)} {Screen.Seconds(step.Seconds)}{tokens}"
                + (string.IsNullOrEmpty(detail) ? "" : "  " + Screen.Safe(detail)));
        }
        else if (item.Type is "run.cancelling" or "run.retried")
        {
            screen.Line($"  {item.Type["run.".Length..]} {Screen.Safe(item.Message ?? "")}");
        }
    }

    public void Run(RunView run)
    {
    }

    public void Note(string text)
    {
        if (_note != text)
        {
            screen.Line("  " + text);
            _note = text;
        }
    }
}
