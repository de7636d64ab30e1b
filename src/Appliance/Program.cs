namespace Jesus.Appliance;

/// <summary>Entry point: verb dispatch only.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        Console.Error.WriteLine("jesus: not implemented yet");
        return args.Length == 0 ? 0 : 2;
    }
}
