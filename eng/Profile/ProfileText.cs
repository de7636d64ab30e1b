using System.Globalization;

namespace Jesus.Profile;

/// <summary>
/// The profile as it is kept: text, so that a change can be read. A method is a line "m IL-BYTES NAME SIGNATURE" (parts are separated by tabs), then "e FROM TO COUNT ..." with all its
/// edges, then for each call with several types "t OFFSET FLAGS PASSES" with a type and its times for each.
/// </summary>
public static class ProfileText
{
    private const string Head = "# How often the request path takes each way; written by eng/profile.sh, read at publishing. Not for editing by hand.";

    public static void Write(string path, IEnumerable<MethodProfile> methods)
    {
        using var writer = new StreamWriter(path) { NewLine = "\n" };
        writer.WriteLine(Head);
        foreach (var method in methods.OrderBy(m => m.Name, StringComparer.Ordinal).ThenBy(m => m.Signature, StringComparer.Ordinal))
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"m\t{method.IlBytes}\t{method.Name}\t{method.Signature}"));
            writer.WriteLine("e\t" + string.Join('\t', method.Edges.Select(e => string.Create(CultureInfo.InvariantCulture, $"{e.From} {e.To} {e.Count}"))));
            foreach (var call in method.Calls.Where(c => c.Types.Count > 0))
            {
                var types = string.Join('\t', call.Types.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Times}\t{t.Type}")));
                writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"t\t{call.Offset}\t{call.Flags}\t{call.Passes}\t{types}"));
            }
        }
    }

    /// <exception cref="FormatException">A line is not as <see cref="Write"/> makes it.</exception>
    public static List<MethodProfile> Read(string path)
    {
        var methods = new List<MethodProfile>();
        var (number, calls) = (0, new List<TypesSeen>());
        foreach (var line in File.ReadLines(path))
        {
            number++;
            try
            {
                switch (line.Split('\t'))
                {
                    case ["m", var il, var name, var signature]:
                        methods.Add(new MethodProfile(name, signature, Int(il), [], calls = []));
                        break;
                    case ["e", .. var edges]:
                        methods[^1] = methods[^1] with { Edges = [.. edges.Select(ReadEdge)] };
                        break;
                    case ["t", var offset, var flags, var passes, .. var types]:
                        calls.Add(new TypesSeen(Int(offset), uint.Parse(flags, CultureInfo.InvariantCulture), long.Parse(passes, CultureInfo.InvariantCulture),
                            [.. types.Chunk(2).Select(t => (t[1], Int(t[0])))]));
                        break;
                    case [['#', ..]]:
                        break;
                    default:
                        throw new FormatException("no such line");
                }
            }
            catch (Exception wrong) when (wrong is FormatException or OverflowException or IndexOutOfRangeException or ArgumentOutOfRangeException)
            {
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{path}:{number}: {wrong.Message}; write the profile again (eng/profile.sh)"), wrong);
            }
        }

        return methods;
    }

    private static Edge ReadEdge(string text) => text.Split(' ') is [var from, var to, var count]
        ? new Edge(Int(from), Int(to), long.Parse(count, CultureInfo.InvariantCulture))
        : throw new FormatException($"'{text}' is no edge");

    private static int Int(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
