namespace Jesus.Appliance.Cli;

/// <summary>What the process says when it ends; fixed by the surface.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadUsage = 2;
    public const int NoDaemon = 3;
    public const int BudgetRefused = 4;
    public const int NotAllowed = 5;

    /// <summary>Ended by Ctrl-C (128 + SIGINT).</summary>
    public const int Interrupted = 130;
}

/// <summary>Ends a verb: the message says what, where and the remedy. Caught by <see cref="CommandLine"/>; never shown as a stack trace.</summary>
internal sealed class VerbException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
