namespace Jesus.Bench.Peers;

/// <summary>The repository's demonstration model, found from where the program lies.</summary>
internal static class NanoModel
{
    public static string File { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder.FullName, "Jesus.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? "", "models", "jesus-nano.gguf");
    }
}
