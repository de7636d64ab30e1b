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

    /// <summary>Levenshtein distance over lower-case letters; names longer than 64 are never near.</summary>
    private static int Edits(string a, string b)
    {
        if (a.Length > 64 || b.Length > 64)
        {
            return int.MaxValue;
        }

        Span<int> row = stackalloc int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + cost));
            }
        }

        return row[b.Length];
    }
}
