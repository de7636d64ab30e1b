namespace Jesus.Appliance.Router;

/// <summary>Which names a misspelt one may have meant. Pure; only for messages.</summary>
public static class NearestNames
{
    /// <summary>More would be a list to read through.</summary>
    private const int NamesMax = 3;

    /// <summary>Names that contain the given one or differ by at most a third of their letters, the nearest first.</summary>
    public static IReadOnlyList<string> Of(string name, IEnumerable<string> names) =>
    [
        .. names.Select(n => (Name: n, Distance: Between(name, n)))
            .Where(n => n.Distance <= Math.Max(2, n.Name.Length / 3))
            .OrderBy(n => n.Distance).ThenBy(n => n.Name, StringComparer.Ordinal)
            .Select(n => n.Name).Distinct().Take(NamesMax),
    ];

    private static int Between(string a, string b)
    {
        var contains = a.Length >= 3 && (b.Contains(a, StringComparison.OrdinalIgnoreCase) || (b.Length >= 3 && a.Contains(b, StringComparison.OrdinalIgnoreCase)));
        return contains ? 1 : Levenshtein(a, b);
    }

    private static int Levenshtein(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                var next = Math.Min(diagonal + changed, Math.Min(row[j], row[j - 1]) + 1);
                (diagonal, row[j]) = (row[j], next);
            }
        }

        return row[b.Length];
    }
}
