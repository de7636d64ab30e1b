using System.CommandLine;
using System.CommandLine.Help;

namespace Jesus.Appliance.Cli;

/// <summary>The root of all verbs: parses, answers bad usage, runs the verb.</summary>
internal static class CommandLine
{
    private static readonly string[] LaterVerbs = ["audit", "login", "backup", "restore", "eval", "mcp"];
    private static readonly string[] LaterRunVerbs = ["signal", "fork", "replay"];

    public static async Task<int> RunAsync(string[] args)
    {
        if (LaterVerb(args) is { } later)
        {
            await Console.Error.WriteLineAsync($"jesus: '{later}' is not implemented in this version. `jesus --help` lists what is.");
            return ExitCodes.BadUsage;
        }

        var root = Root();
        var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync("jesus: " + error.Message);
            }

            await Console.Error.WriteLineAsync($"jesus: see `{NameOf(parsed.CommandResult.Command)} --help`.");
            return ExitCodes.BadUsage;
        }

        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Jesus: one daemon that turns a box into an agent appliance.\n\nExample:\n  jesus serve --state ./state &\n  jesus ask \"Who are you?\"");
        Command[] verbs =
        [
            ServeVerb.Create(), RunVerb.Create(), RunsVerb.Create(), AskVerb.Create(), ModelsVerb.Create(), KeysVerb.Create(), BudgetVerb.Create(),
            RouteVerb.Create(), PeersVerb.Create(),
            ConfigVerb.Create(), DoctorVerb.Create(), VersionVerb.Create(),
        ];
        foreach (var verb in verbs)
        {
            root.Subcommands.Add(verb);
        }

        return root;
    }

    private static string? LaterVerb(string[] args) =>
        args.Length == 0 ? null
        : LaterVerbs.Contains(args[0]) ? args[0]
        : args.Length > 1 && args[0] == "runs" && LaterRunVerbs.Contains(args[1]) ? "runs " + args[1] : null;

    private static string NameOf(Command command)
    {
        var names = new List<string>();
        for (Symbol? symbol = command; symbol is not null; symbol = symbol.Parents.FirstOrDefault())
        {
            names.Insert(0, symbol is RootCommand ? "jesus" : symbol.Name);
        }

        return string.Join(' ', names);
    }
}
