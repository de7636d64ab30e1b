using System.Text.RegularExpressions;

namespace Jesus.Architecture;

public sealed partial class TidinessTests
{
    /// <summary>A file past this asks which two jobs it does.</summary>
    private const int LinesMax = 500;
    private const int WidthMax = 180;

    /// <summary>Tests carry their samples in their lines.</summary>
    private const int TestWidthMax = 210;

    /// <summary>Data files in git stay below 10 MB.</summary>
    private const long FileBytesMax = 10_000_000;

    [Fact]
    public void No_source_file_is_longer_than_its_one_job()
    {
        var wrong = Repository.Sources("src")
            .Select(path => (path, lines: File.ReadLines(path).Count()))
            .Where(file => file.lines > LinesMax)
            .Select(file => $"{Repository.Relative(file.path)}: {file.lines} lines, at most {LinesMax}");
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_source_line_is_wider_than_a_reader_can_see()
    {
        Assert.Empty(WiderThan(WidthMax, "src").Concat(WiderThan(TestWidthMax, "tests")));
    }

    private static IEnumerable<string> WiderThan(int max, string folder) => Repository.Sources(folder).SelectMany(path => File.ReadLines(path)
        .Select((text, index) => (text, index))
        .Where(line => line.text.Length > max)
        .Select(line => $"{Repository.Relative(path)}:{line.index + 1}: {line.text.Length} columns, at most {max}"));

    [Fact]
    public void Every_namespace_follows_its_folder()
    {
        var wrong = Repository.Sources("src")
            .Select(path => (path, declared: NamespaceDeclaration().Match(File.ReadAllText(path)).Groups[1].Value))
            .Where(file => file.declared.Length > 0 && file.declared != SourceReferences.NamespaceOfPath(file.path))
            .Select(file => $"{Repository.Relative(file.path)}: {file.declared}");
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_source_switches_on_the_framework()
    {
        var wrong = Repository.Sources("src").SelectMany(path => File.ReadLines(path)
            .Select((text, index) => (text, index))
            .Where(line => line.text.TrimStart().StartsWith("#if NET", StringComparison.Ordinal))
            .Select(line => $"{Repository.Relative(path)}:{line.index + 1}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_source_leaves_a_note_to_do_something_later()
    {
        var wrong = Repository.Sources("src").Concat(Repository.Sources("tests"))
            .Where(path => !path.EndsWith("TidinessTests.cs", StringComparison.Ordinal))
            .SelectMany(path => File.ReadLines(path)
                .Select((text, index) => (text, index))
                .Where(line => LaterNote().IsMatch(line.text))
                .Select(line => $"{Repository.Relative(path)}:{line.index + 1}: {line.text.Trim()}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void No_large_or_generated_binary_is_kept()
    {
        string[] folders = ["src", "tests", "native", "bench", "docs", "examples", "packaging", "models", "eng"];
        string[] generated = [".dll", ".so", ".a", ".o", ".exe", ".pyc", ".deb"];
        var files = folders.Select(folder => Path.Combine(Repository.Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(path => !BuildProduct().IsMatch(path));
        var wrong = files.Where(path => new FileInfo(path).Length > FileBytesMax || generated.Contains(Path.GetExtension(path)))
            .Select(Repository.Relative);
        Assert.Empty(wrong);
    }

    [GeneratedRegex(@"^namespace\s+([A-Za-z0-9_.]+)\s*;", RegexOptions.Multiline)]
    private static partial Regex NamespaceDeclaration();

    [GeneratedRegex(@"\b(TODO|FIXME|XXX|HACK)\b")]
    private static partial Regex LaterNote();

    [GeneratedRegex(@"/(bin|obj|out|node_modules|__pycache__|TestResults)/")]
    private static partial Regex BuildProduct();
}
