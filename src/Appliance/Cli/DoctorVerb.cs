using System.CommandLine;
using System.Text.Json;
using Jesus.Appliance.Config;
using Jesus.Inference.Engine.Native;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus doctor</c>: looks at what usually goes wrong.</summary>
internal static class DoctorVerb
{
    private static readonly Option<string?> File = new("--config") { Description = $"The configuration (default: {ConfigLoader.DefaultPath} if it exists).", HelpName = "FILE" };

    private readonly record struct Finding(string What, bool Ok, string Detail);

    public static Command Create() => Verb.Of("doctor", "Check the box, the configuration and the daemon.", "jesus doctor --state ./state", RunAsync, File);

    private static async Task<int> RunAsync(VerbCall call)
    {
        List<Finding> findings = [Processor(), Memory(), .. Configuration(call), .. await DaemonAsync(call)];
        if (call.Json)
        {
            call.Screen.Line(JsonLine.Of(json => Write(json, findings)));
        }
        else
        {
            foreach (var finding in findings)
            {
                call.Screen.Line($"{(finding.Ok ? call.Screen.Green("ok  ") : call.Screen.Red("FAIL"))} {finding.What,-14} {Screen.Safe(finding.Detail)}");
            }
        }

        return findings.TrueForAll(f => f.Ok) ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static Finding Processor()
    {
        // Ask the kernels: what the compiler of this program was allowed to assume says nothing about the processor.
        var isa = KernelInfo.InstructionSet;
        return new Finding("processor", true, $"{Environment.ProcessorCount} cores, {isa} kernels{(isa == "generic" ? ": slow, the processor has no AVX2" : "")}");
    }

    private static Finding Memory()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return new Finding("memory", memory >= 512L << 20, Screen.Bytes(memory) + (memory >= 512L << 20 ? "" : ": less than 512 MB; models will not load"));
    }

    private static IEnumerable<Finding> Configuration(VerbCall call)
    {
        var loaded = ConfigLoader.Load(call.Parsed.GetValue(File), Environment.GetEnvironmentVariables());
        return loaded.IsValid ? [new Finding("configuration", true, "valid")] : loaded.Errors.Select(e => new Finding("configuration", false, e.ToString()));
    }

    private static async Task<IEnumerable<Finding>> DaemonAsync(VerbCall call)
    {
        try
        {
            using var daemon = call.Connect();
            var reply = await daemon.GetAsync("/readyz", call.Cancel);
            using var document = reply.Json();
            var root = document.RootElement;
            return
            [
                new Finding("daemon", reply.Ok, $"{daemon.Address.Name}: {root.GetProperty("status"u8).GetString()}, version {root.GetProperty("version"u8).GetString()}"),
                .. root.GetProperty("parts"u8).EnumerateObject()
                    .Select(p => new Finding("  " + p.Name, p.Value.GetProperty("ready"u8).GetBoolean(), p.Value.GetProperty("detail"u8).GetString() ?? "")).ToArray(),
            ];
        }
        catch (VerbException e)
        {
            return [new Finding("daemon", false, e.Message)];
        }
        catch (JsonException)
        {
            return [new Finding("daemon", false, "something else answers there; name the daemon with --url or --state")];
        }
    }

    private static void Write(Utf8JsonWriter json, List<Finding> findings)
    {
        json.WriteStartArray("findings"u8);
        foreach (var finding in findings)
        {
            json.WriteStartObject();
            json.WriteString("what"u8, finding.What.Trim());
            json.WriteBoolean("ok"u8, finding.Ok);
            json.WriteString("detail"u8, finding.Detail);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
