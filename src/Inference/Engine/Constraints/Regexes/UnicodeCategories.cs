using System.Globalization;
using System.Text;
using Jesus.Inference.Engine.Constraints.Automata;

namespace Jesus.Inference.Engine.Constraints.Regexes;

/// <summary>Characters by their general category (Unicode Standard, table 4-4), by its one or two letters.</summary>
internal static class UnicodeCategories
{
    private static readonly string[] Names =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
        "Sc", "Sk", "So", "Cn",
    ];

    /// <summary>Ranges of characters with one category each; all of Unicode is walked once.</summary>
    private static readonly Lazy<List<(int Low, int High, int Category)>> Runs = new(FindRuns);

    public static CharSet? Find(string name)
    {
        if (name.Length is 0 or > 2 || !Array.Exists(Names, known => known.StartsWith(name, StringComparison.Ordinal)))
        {
            return null;
        }

        return CharSet.From(Runs.Value.FindAll(run => Names[run.Category].StartsWith(name, StringComparison.Ordinal)).ConvertAll(run => (run.Low, run.High)));
    }

    private static List<(int Low, int High, int Category)> FindRuns()
    {
        var runs = new List<(int Low, int High, int Category)>();
        for (var value = 0; value <= 0x10FFFF; value++)
        {
            var category = Rune.IsValid(value) ? (int)Rune.GetUnicodeCategory(new Rune(value)) : (int)UnicodeCategory.Surrogate;
            if (runs.Count > 0 && runs[^1].Category == category)
            {
                runs[^1] = runs[^1] with { High = value };
            }
            else
            {
                runs.Add((value, value, category));
            }
        }

        return runs;
    }
}
