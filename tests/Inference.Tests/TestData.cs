namespace Jesus.Inference.Tests;

/// <summary>Files outside the repository, in the folder that JESUS_TESTDATA names, and the repository's own models.</summary>
internal static class TestData
{
    public const string StoriesMissing = "needs stories260K-f32.gguf and stories260K-greedy.json in the folder that JESUS_TESTDATA names";

    private static readonly string? Folder = Environment.GetEnvironmentVariable("JESUS_TESTDATA");

    public static bool HasStories => Folder is not null && File.Exists(StoriesModel) && File.Exists(StoriesGreedy);
    public static string StoriesModel => Path.Combine(Folder ?? "", "stories260K-f32.gguf");
    public static string StoriesGreedy => Path.Combine(Folder ?? "", "stories260K-greedy.json");
}
