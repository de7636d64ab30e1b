namespace Jesus.Inference.Engine.Constraints;

/// <summary>One byte of the trie. Its children follow it; the next sibling or cousin stands at <see cref="End"/>.</summary>
/// <param name="Label">The byte.</param>
/// <param name="Depth">1 for a token's first byte.</param>
/// <param name="End">The first node that is not below this one.</param>
/// <param name="FirstToken">Where in <see cref="TokenTrie.Tokens"/> the tokens that end here begin.</param>
/// <param name="TokenCount">How many tokens end here: several when a vocabulary spells one text twice.</param>
internal readonly record struct TrieNode(byte Label, ushort Depth, int End, int FirstToken, int TokenCount);

/// <summary>The text tokens' bytes as a trie in depth-first order.</summary>
internal sealed class TokenTrie
{
    private TokenTrie(TrieNode[] nodes, int[] tokens, int depthMax)
    {
        Nodes = nodes;
        Tokens = tokens;
        DepthMax = depthMax;
    }

    public TrieNode[] Nodes { get; }
    public int[] Tokens { get; }

    /// <summary>Bytes of the longest token.</summary>
    public int DepthMax { get; }

    public static TokenTrie Build(byte[][] bytes, TokenRole[] roles)
    {
        var tokens = Enumerable.Range(0, bytes.Length)
            .Where(token => roles[token] == TokenRole.Text && bytes[token].Length is > 0 and <= ConstraintLimits.TokenBytesMax)
            .ToArray();
        Array.Sort(tokens, (left, right) =>
        {
            var order = bytes[left].AsSpan().SequenceCompareTo(bytes[right]);
            return order != 0 ? order : left.CompareTo(right);
        });

        var nodes = new List<TrieNode>();
        var open = new Stack<int>();
        ReadOnlySpan<byte> previous = default;
        for (var i = 0; i < tokens.Length; i++)
        {
            var text = bytes[tokens[i]].AsSpan();
            var shared = text.CommonPrefixLength(previous);
            Close(nodes, open, shared);
            for (var depth = shared; depth < text.Length; depth++)
            {
                open.Push(nodes.Count);
                nodes.Add(new TrieNode(text[depth], (ushort)(depth + 1), 0, i, 0));
            }

            var last = open.Peek();
            nodes[last] = nodes[last] with { TokenCount = nodes[last].TokenCount + 1 };
            previous = text;
        }

        Close(nodes, open, 0);
        return new TokenTrie([.. nodes], tokens, tokens.Length == 0 ? 0 : tokens.Max(token => bytes[token].Length));
    }

    private static void Close(List<TrieNode> nodes, Stack<int> open, int keep)
    {
        while (open.Count > keep)
        {
            var node = open.Pop();
            nodes[node] = nodes[node] with { End = nodes.Count };
        }
    }
}
