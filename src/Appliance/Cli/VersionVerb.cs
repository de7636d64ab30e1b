using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Jesus.Appliance.Cli;

internal static class VersionVerb
{
    /// <summary>The product's version as built.</summary>
    public static string Version { get; } = typeof(VersionVerb).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static Command Create() => Verb.Of("version", "Print the version of this program.", "jesus version --json", Run);

    private static Task<int> Run(VerbCall call)
    {
        var runtime = RuntimeInformation.FrameworkDescription;
        call.Screen.Line(call.Json
            ? $"{{\"version\":\"{Version}\",\"runtime\":\"{runtime}\",\"architecture\":\"{RuntimeInformation.ProcessArchitecture}\"}}"
            : $"jesus {Version} ({runtime}, {RuntimeInformation.ProcessArchitecture})");
        return Task.FromResult(ExitCodes.Done);
    }
}
