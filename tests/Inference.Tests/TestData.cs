namespace Jesus.Inference.Tests;

/// <summary>Files outside the repository, in the folder that JESUS_TESTDATA names, and the repository's own models.</summary>
internal static class TestData
{
    public const string StoriesMissing = "needs stories260K-f32.gguf and stories260K-greedy.json in the folder that JESUS_TESTDATA names";
    public const string NanoMissing = "needs models/jesus-nano.gguf of the repository: run the tests from a checkout";

    private static readonly string? Folder = Environment.GetEnvironmentVariable("JESUS_TESTDATA");
    private static readonly string Models = FindModels();

    /// <summary>Files of <c>vocabularies/</c> that come with texts and their ids.</summary>
    public static string[] Vocabularies => Folder is not null && Directory.Exists(Path.Combine(Folder, "vocabularies"))
        ? [.. Directory.GetFiles(Path.Combine(Folder, "vocabularies"), "*.gguf").Where(file => File.Exists(file + ".inp"))]
        : [];

    public static bool HasStories => Folder is not null && File.Exists(StoriesModel) && File.Exists(StoriesGreedy);
    public static string StoriesModel => Path.Combine(Folder ?? "", "stories260K-f32.gguf");
    public static string StoriesGreedy => Path.Combine(Folder ?? "", "stories260K-greedy.json");

    public static bool HasNano => File.Exists(NanoModel);
    public static string NanoModel => Path.Combine(Models, "jesus-nano.gguf");

    /// <summary>A file of <c>models/eval</c>.</summary>
    public static string Eval(string name) => Path.Combine(Models, "eval", name);

    private static string FindModels()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Jesus.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? "", "models");
    }
}
