using System.Text.RegularExpressions;

namespace Jesus.Architecture;

/// <summary>One mention of a room of ours in a source file.</summary>
internal sealed record Reference(string File, int Line, string From, string To);

/// <summary>
/// Which rooms a source file mentions, read from its using directives and qualified names, comments left out. A room is the namespace cut to
/// the parts that <see cref="RoomOf"/> keeps.
/// </summary>
internal static partial class SourceReferences
{
    public static IEnumerable<Reference> Of(string path)
    {
        var from = RoomOf(NamespaceOfPath(path));
        var line = 0;
        foreach (var text in File.ReadLines(path))
        {
            line++;
            foreach (Match match in Qualified().Matches(WithoutComment(text)))
            {
                var to = RoomOf(match.Value);
                if (to != from && !text.TrimStart().StartsWith("namespace ", StringComparison.Ordinal))
                {
                    yield return new Reference(Repository.Relative(path), line, from, to);
                }
            }
        }
    }

    /// <summary><c>Jesus.Appliance.Runner.Steps</c> is the room <c>Appliance.Runner</c>; Inference keeps two parts below it for its Engine.</summary>
    public static string RoomOf(string qualified)
    {
        var parts = qualified.Split('.').Where(part => part is not ("Jesus" or "")).ToArray();
        var depth = parts is ["Inference", "Adapters", ..] ? 3 : 2;
        return string.Join('.', parts.Take(depth));
    }

    /// <summary>The namespace that the folder of a file asks for.</summary>
    public static string NamespaceOfPath(string path)
    {
        var folder = Path.GetDirectoryName(Repository.Relative(path))!.Replace('\\', '/');
        return string.Join('.', folder.Split('/').Skip(1).Prepend("Jesus"));
    }

    private static string WithoutComment(string line)
    {
        var at = line.IndexOf("//", StringComparison.Ordinal);
        return at < 0 ? line : line[..at];
    }

    [GeneratedRegex(@"\bJesus(\.[A-Z][A-Za-z0-9]*)+")]
    private static partial Regex Qualified();
}
