namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Pairs of characters that stand side by side inside a token. Between two others no token reaches, whatever stands around them, so a text may be cut there
/// and its parts encoded one by one with the same result: parts are then short, and the same ones come again and again.
/// </summary>
/// <remarks>
/// Pairs of ASCII have a bit each. Others share hashed bits: two that share one may keep a text together where it could be cut, never cut it where it could not.
/// Bytes that are no UTF-8 are U+FFFD in tokens and texts alike.
/// </remarks>
internal sealed class InnerPairs
{
    /// <summary>32 KiB. Gemma's 262,000 tokens hold 34,000 pairs, so that one pair in eight of those in no token is taken for one that is.</summary>
    private const int HashBits = 18;

    /// <summary>[left * 2 + right / 64], bit right % 64.</summary>
    private readonly ulong[] _ascii = new ulong[256];
    private readonly ulong[] _others = new ulong[1 << (HashBits - 6)];
    private readonly bool _lineEndsApart;

    /// <param name="lineEndsApart">A run of line ends is always cut from what stands around it, whatever tokens there are.</param>
    public InnerPairs(Vocabulary vocabulary, bool lineEndsApart = false)
    {
        _lineEndsApart = lineEndsApart;
        for (var id = 0; id < vocabulary.Count; id++)
        {
            AddPairsOf(vocabulary.Bytes(id));
        }
    }

    /// <summary>Bytes of the text's first part; <paramref name="text"/> is not empty.</summary>
    public int NextPart(ReadOnlySpan<byte> text)
    {
        var left = CharacterClasses.RuneAt(text, 0, out var at);
        while (at < text.Length)
        {
            int right = text[at];
            var length = 1;
            if (right >= 0x80)
            {
                right = CharacterClasses.RuneAt(text, at, out length);
            }

            if (!AreInner(left, right))
            {
                return at;
            }

            left = right;
            at += length;
        }

        return at;
    }

    private void AddPairsOf(ReadOnlySpan<byte> token)
    {
        var left = CharacterClasses.RuneAt(token, 0, out var at);
        while (at < token.Length)
        {
            var right = CharacterClasses.RuneAt(token, at, out var length);
            if (!_lineEndsApart || (left == '\n') == (right == '\n'))
            {
                Add(left, right);
            }

            left = right;
            at += length;
        }
    }

    private void Add(int left, int right)
    {
        if (IsAscii(left, right))
        {
            _ascii[AsciiWord(left, right)] |= 1UL << right;
            return;
        }

        var hash = HashOf(left, right);
        _others[hash >> 6] |= 1UL << hash;
    }

    private bool AreInner(int left, int right)
    {
        if (IsAscii(left, right))
        {
            return (_ascii[AsciiWord(left, right)] >> right & 1) != 0;
        }

        var hash = HashOf(left, right);
        return (_others[hash >> 6] >> hash & 1) != 0 && !(_lineEndsApart && (left == '\n' || right == '\n'));
    }

    private static bool IsAscii(int left, int right) => (left | right) < 0x80;

    private static int AsciiWord(int left, int right) => (left << 1) | (right >> 6);

    private static int HashOf(int left, int right) => (int)(((((ulong)left << 32) | (uint)right) * 0x9E3779B97F4A7C15UL) >> (64 - HashBits));
}
