using System.Text;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

/// <summary>
/// SentencePiece's two algorithms written out plainly, over the whole text and with no cuts, caches or heaps: what the engine's encoders have to equal. Spaces
/// are plain, in tokens too.
/// </summary>
internal static class SentencePieceReference
{
    /// <summary>The characters of a text; bytes that are no UTF-8 are characters of their own. Latin-1 strings stand for bytes.</summary>
    public static List<string> Characters(ReadOnlySpan<byte> text)
    {
        var characters = new List<string>();
        while (!text.IsEmpty)
        {
            _ = Rune.DecodeFromUtf8(text, out _, out var length);
            characters.Add(Encoding.Latin1.GetString(text[..length]));
            text = text[length..];
        }

        return characters;
    }

    /// <summary>The two neighbours whose order is least become one, the first of them where several are, until none has an order.</summary>
    public static List<string> Merge(List<string> parts, Func<string, string, double?> order)
    {
        while (true)
        {
            var best = Enumerable.Range(0, Math.Max(0, parts.Count - 1)).Where(i => order(parts[i], parts[i + 1]) is not null)
                .OrderBy(i => order(parts[i], parts[i + 1])).Cast<int?>().FirstOrDefault();
            if (best is not { } at)
            {
                return parts;
            }

            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }
    }

    /// <summary>The cut into tokens with the greatest sum of scores; of equal ones that whose last part begins first. A character in no token of its own scores <paramref name="unknown"/>.</summary>
    public static List<string> BestCut(List<string> characters, Func<string, double?> score, double unknown)
    {
        var best = new (double Sum, int From)[characters.Count + 1];
        for (var end = 1; end <= characters.Count; end++)
        {
            best[end] = (double.NegativeInfinity, 0);
            for (var from = 0; from < end; from++)
            {
                var sum = best[from].Sum + (score(string.Concat(characters[from..end])) ?? (end - from == 1 ? unknown : double.NegativeInfinity));
                best[end] = sum > best[end].Sum ? (sum, from) : best[end];
            }
        }

        var parts = new List<string>();
        for (var end = characters.Count; end > 0; end = best[end].From)
        {
            parts.Insert(0, string.Concat(characters[best[end].From..end]));
        }

        return parts;
    }
}
