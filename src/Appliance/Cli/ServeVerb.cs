using System.CommandLine;
using Jesus.Appliance.Config;
using Jesus.Appliance.Host;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus serve</c>: the daemon.</summary>
internal static class ServeVerb
{
    private static readonly Option<string?> File = new("--config") { Description = $"The configuration (default: {ConfigLoader.DefaultPath} if it exists).", HelpName = "FILE" };
    private static readonly Option<string?> Listen = new("--listen")
    {
        Description = $"Address of the HTTP port; port 0 takes a free one (default: {DaemonAddress.DefaultUrl}).",
        HelpName = "URL",
    };
    private static readonly Option<string?> Models = new("--models") { Description = "Folder with GGUF files (default: engine.modelFolders).", HelpName = "DIR" };

    public static Command Create() => Verb.Of("serve", "Run the daemon until SIGTERM.", "jesus serve --state ./state --models ./models --listen http://127.0.0.1:7470",
        RunAsync, File, Listen, Models);

    private static async Task<int> RunAsync(VerbCall call)
    {
        var state = Path.GetFullPath(call.Options.State(call.Parsed) ?? ServeSettings.DefaultState);
        var settings = new ServeSettings(call.Parsed.GetValue(File), state, call.Parsed.GetValue(Listen), call.Parsed.GetValue(Models));
        var loaded = settings.Load();
        if (!loaded.IsValid)
        {
            ConfigVerb.Complain(call.Screen, loaded);
            return ExitCodes.BadUsage;
        }

        return await new Daemon(settings, loaded.Config, VersionVerb.Version).RunAsync() ? ExitCodes.Done : ExitCodes.Failed;
    }
}
