using System.CommandLine;
using System.Text.Json;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus run FILE</c>: checks the file here, submits it, follows the run, prints what came out.</summary>
internal static class RunVerb
{
    private static readonly Argument<string> WorkflowFile = new("file") { Description = "The workflow (YAML)." };
    private static readonly Option<string[]> Inputs = new("--input")
    {
        Description = "An input as name=value; for an input of type file the value is a path. Repeatable.",
        HelpName = "K=V",
    };
    private static readonly Option<bool> Detach = new("--detach") { Description = "Print the run's id and leave." };

    private static readonly Option<bool> Anywhere = new("--anywhere")
    {
        Description = "Any box of the federation may carry it, and another goes on where one dies (needs federation.durable).",
    };

    public static Command Create() => Verb.Of("run", "Submit a workflow, follow it live, print its outputs.",
        "jesus run examples/triage/triage.yaml --input log=examples/triage/system.log", RunAsync, WorkflowFile, Inputs, Detach, Anywhere);

    private static async Task<int> RunAsync(VerbCall call)
    {
        var submission = Read(call);
        using var daemon = call.Connect();
        var reply = await daemon.PostAsync("/api/v1/runs", submission, call.Cancel);
        if (!reply.Ok)
        {
            throw Refused(reply);
        }

        using var document = reply.Json();
        var id = document.RootElement.GetProperty("id"u8).GetString()!;
        if (call.Parsed.GetValue(Detach))
        {
            call.Screen.Line(call.Json ? JsonLine.Of(json => json.WriteString("id"u8, id)) : id);
            return ExitCodes.Done;
        }

        return await RunFollower.FollowAsync(call, daemon, id, cancelOnInterrupt: true);
    }

    /// <summary>Checks the file before any daemon is asked: every error with file, line and column.</summary>
    private static byte[] Read(VerbCall call)
    {
        var path = call.Parsed.GetValue(WorkflowFile)!;
        var yaml = ReadFile(path, "the workflow");
        var parsed = WorkflowParser.Parse(yaml, path);
        var files = ReadReferenced(path, parsed.ReferencedFiles);
        parsed = files.Count > 0 ? WorkflowParser.Parse(yaml, path, files) : parsed;
        if (parsed.Workflow is not { } workflow)
        {
            throw new VerbException(ExitCodes.BadUsage, string.Join("\njesus: ", parsed.Errors));
        }

        return Body(path, yaml, files, InputsOf(workflow, call.Parsed.GetValue(Inputs) ?? []), call.Parsed.GetValue(Anywhere));
    }

    /// <summary>Files that <c>run</c> steps name lie beside the file that names them.</summary>
    private static Dictionary<string, ReadOnlyMemory<byte>> ReadReferenced(string path, IReadOnlyList<string> first)
    {
        var files = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var names = new Queue<string>(first);
        while (names.TryDequeue(out var name) && files.Count < 64)
        {
            if (!files.ContainsKey(name))
            {
                files[name] = ReadFile(Path.Combine(folder, name), "the sub-workflow");
                foreach (var nested in WorkflowParser.Parse(files[name], name).ReferencedFiles)
                {
                    names.Enqueue(nested);
                }
            }
        }

        return files;
    }

    private static List<(InputSpec Spec, string Value, byte[]? File)> InputsOf(Workflow workflow, string[] given)
    {
        var inputs = new List<(InputSpec, string, byte[]?)>();
        foreach (var pair in given)
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new VerbException(ExitCodes.BadUsage, $"--input '{pair}' must be name=value.");
            }

            var (name, value) = (pair[..equals], pair[(equals + 1)..]);
            var spec = workflow.Input(name) ?? throw new VerbException(ExitCodes.BadUsage,
                $"--input {name}: the workflow '{workflow.Name}' has no such input; it has: {string.Join(", ", workflow.Inputs.Select(i => i.Name))}.");
            inputs.Add((spec, value, spec.Type == InputType.File ? ReadFile(value, $"the input '{name}'") : null));
        }

        var missing = workflow.Inputs.Where(i => i.Required && !inputs.Exists(g => g.Item1.Name == i.Name)).Select(i => i.Name).ToArray();
        return missing.Length == 0 ? inputs
            : throw new VerbException(ExitCodes.BadUsage, $"the workflow '{workflow.Name}' needs: {string.Join(", ", missing.Select(m => $"--input {m}=..."))}");
    }

    private static byte[] Body(
        string path, byte[] yaml, Dictionary<string, ReadOnlyMemory<byte>> files, List<(InputSpec Spec, string Value, byte[]? File)> inputs, bool anywhere) =>
        JsonLine.Bytes(json =>
    {
        json.WriteString("workflow"u8, yaml);
        json.WriteString("file_name"u8, path);
        json.WriteStartObject("inputs"u8);
        foreach (var (spec, value, _) in inputs.Where(i => i.File is null))
        {
            json.WriteString(spec.Name, value);
        }

        json.WriteEndObject();
        json.WriteStartObject("input_files"u8);
        foreach (var (spec, _, file) in inputs.Where(i => i.File is not null))
        {
            json.WriteStartObject(spec.Name);
            json.WriteBase64String("base64"u8, file);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("files"u8);
        foreach (var (name, text) in files)
        {
            json.WriteString(name, text.Span);
        }

        json.WriteEndObject();
        if (anywhere)
        {
            json.WriteBoolean("anywhere"u8, true);
        }
    });

    private static VerbException Refused(DaemonReply reply)
    {
        if (reply.Status != 422)
        {
            return DaemonClient.Refused(reply);
        }

        using var document = reply.Json();
        var errors = document.RootElement.GetProperty("error"u8).GetProperty("errors"u8).Deserialize(RunJson.Default.IReadOnlyListWorkflowError) ?? [];
        return new VerbException(ExitCodes.BadUsage, string.Join("\njesus: ", errors));
    }

#pragma warning disable RS0030 // The person's own files, at the edge.
    private static byte[] ReadFile(string path, string what)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            return what == "the workflow" && !System.Text.Unicode.Utf8.IsValid(bytes)
                ? throw new VerbException(ExitCodes.BadUsage, $"{path}: is not UTF-8 text; save it as UTF-8.")
                : bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VerbException(ExitCodes.BadUsage, $"{what} cannot be read: {e.Message}");
        }
    }
#pragma warning restore RS0030
}
