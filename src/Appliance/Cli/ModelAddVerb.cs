using System.CommandLine;
using Jesus.Appliance.Config;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Tools;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus models add F</c>: checks a file, puts it where the daemon looks, and tells a running daemon. Works offline too.</summary>
internal static class ModelAddVerb
{
    private static readonly Argument<string> Model = new("file") { Description = "The GGUF file; of a model in several, any of them." };
    private static readonly Option<bool> Link = new("--link") { Description = "Link to the file instead of copying it." };
    private static readonly Option<string?> Name = new("--name") { Description = "What requests call it (default: the file's name).", HelpName = "NAME" };
    private static readonly Option<string?> Sha256 = new("--sha256") { Description = "The hash that the file must have.", HelpName = "HEX" };

    public static Command Create() =>
        Verb.Of("add", "Check a model file and make it the daemon's.", "jesus models add ./model.gguf --sha256 HEX", RunAsync, Model, Link, Name, Sha256);

    private static async Task<int> RunAsync(VerbCall call)
    {
        var path = Path.GetFullPath(call.Parsed.GetValue(Model)!);
        var name = call.Parsed.GetValue(Name) ?? (SplitName.TryParse(path, out var split) ? split.Model : Path.GetFileNameWithoutExtension(path));
        if (name.AsSpan().IndexOfAny("/\\\0") >= 0 || name is "" or "." or "..")
        {
            throw new VerbException(ExitCodes.BadUsage, $"--name '{name}' cannot be a file's name.");
        }

        var hash = Check(call, path);
        using var daemon = call.Connect();
        var folder = await FolderAsync(call, daemon);
        var parts = SplitName.PartsOf(path);
        string[] targets = parts.Length == 1 && !SplitName.TryParse(path, out _)
            ? [Path.Combine(folder, name + ".gguf")]
            : SplitName.PartsOf(new SplitName(Path.Combine(folder, name), 1, parts.Length).PathOf(1));
        Put(call, folder, name, parts, targets, hash);
        var target = targets[0];
        var told = await TellAsync(call, daemon, name);
        call.Screen.Line(call.Json
            ? JsonLine.Of(json =>
            {
                json.WriteString("id"u8, name);
                json.WriteString("path"u8, target);
                json.WriteString("sha256"u8, hash);
                json.WriteBoolean("loaded"u8, told);
            })
            : $"{name} is at {target}; sha256 {hash}; " + (told ? "the daemon serves it now" : "no daemon runs here: it is found at the next start"));
        return ExitCodes.Done;
    }

    private static string Check(VerbCall call, string path)
    {
        var model = ModelFileVerbs.Need(ModelTools.Inspect(path));
        if (model.Problem is { } problem)
        {
            throw new VerbException(ExitCodes.Failed, $"{path} cannot be run here: {problem}");
        }

        var hash = ModelFileVerbs.Need(ModelTools.Hash(path));
        return call.Parsed.GetValue(Sha256) is { } wanted && !wanted.Equals(hash, StringComparison.OrdinalIgnoreCase)
            ? throw new VerbException(ExitCodes.Failed, $"{path} has the hash {hash}, not {wanted}. It was changed or cut on its way; fetch it again.")
            : hash;
    }

    /// <summary>The running daemon's own word; without one the state folder, the configuration, the packaged place.</summary>
    private static async Task<string> FolderAsync(VerbCall call, DaemonClient daemon)
    {
        try
        {
            var reply = await daemon.GetAsync("/api/v1/models", call.Cancel);
            if (reply.Ok)
            {
                using var document = reply.Json();
                return document.RootElement.GetProperty("folder"u8).GetString()!;
            }
        }
        catch (VerbException)
        {
            // Offline.
        }

        var configured = ConfigLoader.Load(null, Environment.GetEnvironmentVariables()).Config.Engine.ModelFolders;
        return call.Options.State(call.Parsed) is { } state ? Path.Combine(Path.GetFullPath(state), "models") : configured.Count > 0 ? configured[0] : "/var/lib/jesus/models";
    }

#pragma warning disable RS0030 // A person's own files; the daemon reads the result only after the rename.
    private static void Put(VerbCall call, string folder, string name, string[] parts, string[] targets, string hash)
    {
        Directory.CreateDirectory(folder);
        var there = ModelFolder.Find(folder, name) ?? targets.FirstOrDefault(target => Path.Exists(target) || new FileInfo(target).LinkTarget is not null);
        if (there is not null)
        {
            throw new VerbException(ExitCodes.Failed, $"{there} is there already. Remove it first, or give another --name.");
        }

        if (!call.Parsed.GetValue(Link))
        {
            Copy(parts, targets, hash);
            return;
        }

        for (var i = targets.Length - 1; i >= 0; i--)
        {
            _ = File.CreateSymbolicLink(targets[i], parts[i]);
        }
    }

    private static void Copy(string[] parts, string[] targets, string hash)
    {
        string[] partials = [.. targets.Select(target => target + ".part")];
        for (var i = 0; i < parts.Length; i++)
        {
            File.Copy(parts[i], partials[i], overwrite: true);
            using var copy = new FileStream(partials[i], FileMode.Open, FileAccess.ReadWrite);
            copy.Flush(flushToDisk: true);
        }

        if (ModelTools.Hash(partials).Value != hash)
        {
            Array.ForEach(partials, File.Delete);
            throw new VerbException(ExitCodes.Failed, $"the copy of {parts[0]} differs from it: look for a failing disk (dmesg), and try again.");
        }

        // The first goes last: then all are there.
        for (var i = parts.Length - 1; i >= 0; i--)
        {
            File.Move(partials[i], targets[i]);
        }
    }
#pragma warning restore RS0030

    private static async Task<bool> TellAsync(VerbCall call, DaemonClient daemon, string name)
    {
        try
        {
            var reply = await daemon.PostAsync("/api/v1/models", JsonLine.Bytes(json => json.WriteString("name"u8, name)), call.Cancel);
            return reply.Ok ? true : throw DaemonClient.Refused(reply);
        }
        catch (VerbException e) when (e.ExitCode == ExitCodes.NoDaemon)
        {
            return false;
        }
    }
}
