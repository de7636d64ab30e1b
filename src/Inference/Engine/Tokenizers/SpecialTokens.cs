using System.Buffers;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>A stretch of a text, in bytes, whose control tokens may be parsed: what the chat template wrote, not what a user did.</summary>
public readonly record struct TrustedRange(int Start, int Length)
{
    public int End => Start + Length;
}

/// <summary>
/// Finds tokens that stand in a text as a whole: user-defined ones anywhere, control ones only where the text is trusted.
/// At each place the longest that fits wins.
/// </summary>
internal sealed class SpecialTokens
{
    private readonly Vocabulary _vocabulary;
    private readonly TokenPrefixes _prefixes;

    /// <summary>From a special token to the next with the same bytes.</summary>
    private readonly Dictionary<int, int> _alike = [];

    private readonly SearchValues<byte> _firstBytes;

    public SpecialTokens(Vocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        int[] ids = [.. Enumerable.Range(0, vocabulary.Count).Where(id => (vocabulary.TypeOf(id) is TokenType.Control or TokenType.UserDefined) && !vocabulary.Bytes(id).IsEmpty)];
        _prefixes = new TokenPrefixes(vocabulary, ids);
        _firstBytes = SearchValues.Create([.. ids.Select(id => vocabulary.Bytes(id)[0]).Distinct()]);
        var last = new Dictionary<int, int>();
        foreach (var id in ids)
        {
            var first = FirstWith(vocabulary.Bytes(id));
            if (first != id)
            {
                _alike[last.GetValueOrDefault(first, first)] = id;
            }

            last[first] = id;
        }
    }

    /// <summary>The first special token at or after <paramref name="from"/>: its place and id, or false.</summary>
    public bool TryFind(ReadOnlySpan<byte> text, int from, ReadOnlySpan<TrustedRange> trusted, out int at, out int id)
    {
        for (at = from; text[at..].IndexOfAny(_firstBytes) is >= 0 and var next; at++)
        {
            at += next;
            if (TryMatch(text, at, trusted, out id))
            {
                return true;
            }
        }

        id = -1;
        return false;
    }

    /// <summary>The longest that may stand at a place: one walk, however many tokens begin alike (files fill up their vocabularies with thousands of "[PAD123]").</summary>
    private bool TryMatch(ReadOnlySpan<byte> text, int at, ReadOnlySpan<TrustedRange> trusted, out int id)
    {
        id = -1;
        var node = TokenPrefixes.Root;
        for (var end = at; end < text.Length && (node = _prefixes.Next(node, text[end])) >= 0; end++)
        {
            var candidate = _prefixes.TokenOf(node);
            while (candidate >= 0 && _vocabulary.NeedsTrust(candidate) && !IsTrusted(trusted, at, end + 1 - at))
            {
                candidate = _alike.GetValueOrDefault(candidate, -1);
            }

            id = candidate >= 0 ? candidate : id;
        }

        return id >= 0;
    }

    private int FirstWith(ReadOnlySpan<byte> bytes)
    {
        var node = TokenPrefixes.Root;
        foreach (var value in bytes)
        {
            node = _prefixes.Next(node, value);
        }

        return _prefixes.TokenOf(node);
    }

    /// <summary>Ranges ascend and do not touch untrusted text; a control token must lie in one run of adjoining ranges.</summary>
    private static bool IsTrusted(ReadOnlySpan<TrustedRange> trusted, int start, int length)
    {
        var end = start + length;
        foreach (var range in trusted)
        {
            if (range.Start <= start && start < range.End)
            {
                start = Math.Min(end, range.End);
            }
        }

        return start == end;
    }
}
