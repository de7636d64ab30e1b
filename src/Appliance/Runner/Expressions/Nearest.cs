namespace Jesus.Appliance.Runner.Expressions;

/// <summary>The name that was probably meant.</summary>
internal static class Nearest
{
    /// <returns><c>; did you mean 'x'?</c>, or nothing when no name is near.</returns>
    public static string Hint(string written, IEnumerable<string> names) => Find(written, names) is { } name ? $"; did you mean '{name}'?" : "";

    /// <summary>The name with the fewest edits, if that is at most a third of its letters (and one at least).</summary>
    public static string? Find(string written, IEnumerable<string> names)
    {
        string? best = null;
        var fewest = int.MaxValue;
        foreach (var name in names)
        {
            var edits = Edits(written, name);
            if (edits < fewest && edits <= Math.Max(1, Math.Max(name.Length, written.Length) / 3))
            {
                (best, fewest) = (name, edits);
            }
        }

        return best;
    }

    /// <summary>Edits between two names, case ignored: a letter more, less, other, or two swapped. Names longer than 64 are never near.</summary>
    private static int Edits(string a, string b)
    {
        if (a.Length > 64 || b.Length > 64)
        {
            return int.MaxValue;
        }

        var width = b.Length + 1;
        Span<int> edits = stackalloc int[(a.Length + 1) * width];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                edits[(i * width) + j] = i == 0 ? j : j == 0 ? i : Fewest(edits, a, b, i, j, width);
            }
        }

        return edits[^1];
    }

    private static int Fewest(ReadOnlySpan<int> edits, string a, string b, int i, int j, int width)
    {
        var at = (i * width) + j;
        var fewest = Math.Min(edits[at - 1], edits[at - width]) + 1;
        fewest = Math.Min(fewest, edits[at - width - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1));
        var swapped = i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]);
        return swapped ? Math.Min(fewest, edits[at - (2 * width) - 2] + 1) : fewest;
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
