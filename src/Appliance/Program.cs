namespace Jesus.Appliance;

/// <summary>Entry point: verb dispatch only.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => Cli.CommandLine.RunAsync(args);
}
