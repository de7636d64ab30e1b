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

    /// <summary>[256]: ids of the special tokens that begin with the byte, longest first.</summary>
    private readonly int[]?[] _byFirstByte = new int[]?[256];

    private readonly SearchValues<byte> _firstBytes;

    public SpecialTokens(Vocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        var lists = new List<int>?[256];
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if ((vocabulary.TypeOf(id) is TokenType.Control or TokenType.UserDefined) && !vocabulary.Bytes(id).IsEmpty)
            {
                (lists[vocabulary.Bytes(id)[0]] ??= []).Add(id);
            }
        }

        for (var i = 0; i < lists.Length; i++)
        {
            _byFirstByte[i] = lists[i]?.OrderByDescending(id => vocabulary.Bytes(id).Length).ToArray();
        }

        _firstBytes = SearchValues.Create([.. Enumerable.Range(0, 256).Where(value => _byFirstByte[value] is not null).Select(value => (byte)value)]);
    }

    /// <summary>The first special token at or after <paramref name="from"/>: its place and id, or false.</summary>
    public bool TryFind(ReadOnlySpan<byte> text, int from, ReadOnlySpan<TrustedRange> trusted, out int at, out int id)
    {
        for (at = from; text[at..].IndexOfAny(_firstBytes) is >= 0 and var next; at++)
        {
            at += next;
            if (TryMatch(_byFirstByte[text[at]]!, text, at, trusted, out id))
            {
                return true;
            }
        }

        id = -1;
        return false;
    }

    private bool TryMatch(int[] candidates, ReadOnlySpan<byte> text, int at, ReadOnlySpan<TrustedRange> trusted, out int id)
    {
        foreach (var candidate in candidates)
        {
            var bytes = _vocabulary.Bytes(candidate);
            if (text[at..].StartsWith(bytes) && (!_vocabulary.NeedsTrust(candidate) || IsTrusted(trusted, at, bytes.Length)))
            {
                id = candidate;
                return true;
            }
        }

        id = -1;
        return false;
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
