using System.CommandLine;

namespace Jesus.Appliance.Cli;

/// <summary>What a verb's action gets.</summary>
/// <param name="Parsed">The command line.</param>
/// <param name="Screen">Where to write.</param>
/// <param name="Options">The options that all verbs share.</param>
/// <param name="Cancel">For calls that take one; Ctrl-C ends the process unless a verb handles it (<see cref="Interrupts"/>).</param>
internal sealed record VerbCall(ParseResult Parsed, Screen Screen, VerbOptions Options, CancellationToken Cancel)
{
    public bool Json => Options.Json(Parsed);

    public DaemonClient Connect() => Options.Connect(Parsed);

    /// <summary>Prints a daemon's JSON as it came.</summary>
    public int PrintJson(ReadOnlySpan<byte> json)
    {
        Screen.Line(System.Text.Encoding.UTF8.GetString(json));
        return ExitCodes.Done;
    }
}

/// <summary>Makes commands whose actions end with an exit code and never with a stack trace.</summary>
internal static class Verb
{
    /// <param name="name">The verb.</param>
    /// <param name="description">One line.</param>
    /// <param name="example">A command line that works, shown by <c>--help</c>.</param>
    /// <param name="action">What it does.</param>
    /// <param name="symbols">Its arguments and options in order.</param>
    public static Command Of(string name, string description, string example, Func<VerbCall, Task<int>> action, params Symbol[] symbols)
    {
        var command = new Command(name, $"{description}\n\nExample:\n  {example}");
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Argument argument:
                    command.Arguments.Add(argument);
                    break;
                case Option option:
                    command.Options.Add(option);
                    break;
                default:
                    command.Subcommands.Add((Command)symbol);
                    break;
            }
        }

        var shared = new VerbOptions();
        shared.AddTo(command);
        command.SetAction((parsed, cancel) => RunAsync(new VerbCall(parsed, Screen.OfConsole(), shared, cancel), action));
        return command;
    }

    /// <summary>A verb that only groups others.</summary>
    public static Command Group(string name, string description, params Command[] verbs)
    {
        var command = new Command(name, description);
        foreach (var verb in verbs)
        {
            command.Subcommands.Add(verb);
        }

        return command;
    }

    private static async Task<int> RunAsync(VerbCall call, Func<VerbCall, Task<int>> action)
    {
        try
        {
            return await action(call);
        }
        catch (VerbException e)
        {
            call.Screen.Complain(e.Message);
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            call.Screen.Complain(e.Message);
            return ExitCodes.Failed;
        }
    }
}
