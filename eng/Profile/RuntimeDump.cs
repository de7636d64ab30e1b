using System.Globalization;
using System.Text.RegularExpressions;

namespace Jesus.Profile;

/// <summary>
/// What CoreCLR writes at its end with DOTNET_WritePGOData=1 and DOTNET_PGODataPath=FILE: a head for each method, then its records, each with its values on the lines below.
/// Source: the runtime's pgomanager.cpp. Kinds other than <see cref="RecordKind"/>'s (delegates' targets, sizes of copies) are passed over.
/// </summary>
public static partial class RuntimeDump
{
    /// <exception cref="FormatException">A line is not what the runtime writes.</exception>
    public static IEnumerable<MethodProfile> Read(string path)
    {
        var lines = new Lines(File.ReadAllLines(path), path);
        while (lines.Find("@@@ ") is { } head)
        {
            var il = Convert.ToInt32(Head().Match(head) is { Success: true } match ? match.Groups[1].Value : throw lines.Wrong("a method's head"), 16);
            var name = lines.Next("MethodName: ");
            var signature = lines.Next("Signature: ").Trim();
            var edges = new List<Edge>();
            var calls = new List<TypesSeen>();
            TypesSeen? passes = null;
            while (lines.IsNext("Schema "))
            {
                var record = Record().Match(lines.Next(""));
                var (kind, offset, count, other) = (Number(record, 1), Number(record, 2), Number(record, 3), Number(record, 4));
                var values = lines.Take((int)count);
                switch (kind)
                {
                    case RecordKind.Edge:
                        edges.Add(new Edge((int)offset, (int)other, long.Parse(values[0], CultureInfo.InvariantCulture)));
                        break;
                    case RecordKind.Passes:
                        passes = new TypesSeen((int)offset, (uint)other, long.Parse(values[0], CultureInfo.InvariantCulture), []);
                        break;
                    case RecordKind.Types when passes is not null && passes.Offset == offset:
                        calls.Add(passes with { Types = Count(values) });
                        break;
                }
            }

            yield return new MethodProfile(name, signature, il, edges, calls);
        }

        static long Number(Match record, int group) => long.Parse(record.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    private static List<(string Type, int Times)> Count(IEnumerable<string> values) =>
        [.. values.Select(v => Versions().Replace(v["TypeHandle: ".Length..], "")).Where(v => v != "NULL").CountBy(v => v).OrderByDescending(p => p.Value)
            .ThenBy(p => p.Key, StringComparer.Ordinal).Select(p => (p.Key, p.Value))];

    [GeneratedRegex("ilSize 0x([0-9A-F]+)")]
    private static partial Regex Head();

    [GeneratedRegex(@"^Schema InstrumentationKind (\d+) ILOffset (\d+) Count (\d+) Other (\d+)$")]
    private static partial Regex Record();

    [GeneratedRegex(", Version=[^,\\]]*, Culture=[^,\\]]*, PublicKeyToken=[^,\\]]*")]
    private static partial Regex Versions();

    private sealed class Lines(string[] lines, string path)
    {
        private int _next;

        public string? Find(string start)
        {
            while (_next < lines.Length && !lines[_next].StartsWith(start, StringComparison.Ordinal))
            {
                _next++;
            }

            return _next < lines.Length ? lines[_next++] : null;
        }

        public bool IsNext(string start) => _next < lines.Length && lines[_next].StartsWith(start, StringComparison.Ordinal);

        public string Next(string start) => IsNext(start) ? lines[_next++][start.Length..] : throw Wrong($"'{start}'");

        public string[] Take(int count) => _next + count <= lines.Length ? lines[_next..(_next += count)] : throw Wrong($"{count} values");

        public FormatException Wrong(string wanted) => new(string.Create(CultureInfo.InvariantCulture, $"{path}:{_next + 1}: {wanted} was expected: is it the dump of a runtime?"));
    }
}
