namespace Jesus.Appliance.Runner.Views;

/// <param name="State">Null for all.</param>
/// <param name="Workflow">Only runs of the workflow of this name; empty for all.</param>
/// <param name="Before">Only runs older than this id (the last of the page before); empty for the newest.</param>
/// <param name="Limit">1 to 200.</param>
public sealed record RunFilter(RunStateName? State = null, string Workflow = "", string Before = "", int Limit = 50);

/// <param name="Runs">Newest first, without steps.</param>
/// <param name="Next">What to pass as <see cref="RunFilter.Before"/> for the next page; empty on the last.</param>
public sealed record RunPage(IReadOnlyList<RunView> Runs, string Next);

/// <summary>How an order to a run ended.</summary>
public enum RunReplyCode : byte
{
    Done,
    NotFound,
    NotAllowed,

    /// <summary>The run or step is not in a state in which that is possible; the message says which it is in.</summary>
    WrongState,
}

/// <param name="Message">Empty when done.</param>
/// <param name="Run">The run afterwards; null unless done.</param>
public sealed record RunReply(RunReplyCode Code, string Message, RunView? Run);

/// <summary>One reason why a run is not further.</summary>
public sealed record WaitCause
{
    /// <summary>Path of the step; empty when the whole run waits.</summary>
    public string Step { get; init; } = "";

    /// <summary><c>queue, approval, retry, model, tool, needs, concurrency</c>.</summary>
    public required string Cause { get; init; }

    /// <summary>In words: what it waits for and what would end the wait.</summary>
    public required string Detail { get; init; }

    /// <summary>For how long already.</summary>
    public double Seconds { get; init; }

    /// <summary>Seconds until it ends by itself; null when it does not or nobody knows.</summary>
    public double? EndsInSeconds { get; init; }

    /// <summary>How often the step's calls were set aside for people so far, and for how long together.</summary>
    public int TimesAside { get; init; }
    public double AsideSeconds { get; init; }
}

/// <param name="Summary">One sentence.</param>
public sealed record RunExplanation(string RunId, RunStateName State, string Summary, IReadOnlyList<WaitCause> Causes)
{
    /// <summary>How often the calls of the run were set aside for people, ended steps included, and for how long together; 0 in records written before that was kept.</summary>
    public int TimesAside { get; init; }
    public double AsideSeconds { get; init; }

    /// <summary>The two in words.</summary>
    public static string Aside(int times, double seconds) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"set aside {(times == 1 ? "once" : $"{times} times")}, {seconds:0.0} s, for the interactive lane");
}
