namespace Jesus.Inference.Engine.Constraints;

/// <summary>
/// A vocabulary made ready for masks: a trie over the text tokens' bytes, laid out in depth-first order so that a walk is a scan that jumps over
/// what does not match. Immutable; built once for each tokenizer and shared.
/// </summary>
public sealed class VocabularyIndex
{
    private readonly byte[][] _bytes;
    private readonly TokenRole[] _roles;
    private readonly int[] _ends;

    private VocabularyIndex(byte[][] bytes, TokenRole[] roles)
    {
        _bytes = bytes;
        _roles = roles;
        _ends = [.. Enumerable.Range(0, roles.Length).Where(token => roles[token] == TokenRole.End)];
        Trie = TokenTrie.Build(bytes, roles);
    }

    public int Count => _roles.Length;

    /// <summary>How many words a mask has: bit <c>id % 64</c> of word <c>id / 64</c> is token <c>id</c>.</summary>
    public int MaskWords => (Count + 63) / 64;

    /// <summary>Tokens that end an answer.</summary>
    public ReadOnlySpan<int> EndTokens => _ends;

    internal TokenTrie Trie { get; }

    /// <summary>Copies what it needs: the vocabulary may be dropped afterwards.</summary>
    public static VocabularyIndex Build(IVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        var bytes = new byte[vocabulary.Count][];
        var roles = new TokenRole[vocabulary.Count];
        for (var token = 0; token < bytes.Length; token++)
        {
            bytes[token] = vocabulary.BytesOf(token).ToArray();
            roles[token] = vocabulary.RoleOf(token);
        }

        return new VocabularyIndex(bytes, roles);
    }

    public TokenRole RoleOf(int token) => _roles[token];

    public ReadOnlySpan<byte> BytesOf(int token) => _bytes[token];

    /// <summary>The control token written as this text, such as <c>&lt;tool_call&gt;</c>; -1 when the vocabulary has none.</summary>
    public int FindControl(ReadOnlySpan<byte> text)
    {
        for (var token = 0; token < _roles.Length; token++)
        {
            if (_roles[token] == TokenRole.Control && text.SequenceEqual(_bytes[token]))
            {
                return token;
            }
        }

        return -1;
    }

    /// <summary>Sets every token that may be generated at all.</summary>
    internal void FillAll(Span<ulong> allowed)
    {
        allowed.Clear();
        for (var token = 0; token < _roles.Length; token++)
        {
            if (_roles[token] != TokenRole.Unused)
            {
                allowed[token >> 6] |= 1UL << (token & 63);
            }
        }
    }
}
