using System.Buffers;
using System.Text;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>One byte of the trie. Its children follow it; the next sibling or cousin stands at <see cref="End"/>.</summary>
/// <param name="Label">The byte.</param>
/// <param name="Depth">1 for a token's first byte.</param>
/// <param name="End">The first node that is not below this one.</param>
/// <param name="FirstToken">Where in <see cref="TokenTrie.Tokens"/> the tokens that end here begin.</param>
/// <param name="TokenCount">How many tokens end here: several when a vocabulary spells one text twice.</param>
internal readonly record struct TrieNode(byte Label, ushort Depth, int End, int FirstToken, int TokenCount)
{
    public const ushort NotClean = ushort.MaxValue;

    /// <summary>
    /// Characters that the longest token below has beyond this byte, when all that follows this byte in all of them is whole clean characters
    /// (<see cref="Automata.CharSet.Clean"/>); else <see cref="NotClean"/>.
    /// </summary>
    public ushort CleanBelow { get; init; }
}

/// <summary>The text tokens' bytes as a trie in depth-first order.</summary>
internal sealed class TokenTrie
{
    private TokenTrie(TrieNode[] nodes, int[] tokens, int depthMax, int itemsMax)
    {
        (Nodes, Tokens, DepthMax, ItemsMax) = (nodes, tokens, depthMax, itemsMax);
    }

    public TrieNode[] Nodes { get; }
    public int[] Tokens { get; }

    /// <summary>Bytes of the longest token.</summary>
    public int DepthMax { get; }

    /// <summary>Items of arrays that one token can end or begin at most: commas behind something else than a comma, which no JSON has in a row.</summary>
    public int ItemsMax { get; }

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
        MarkClean(nodes, tokens, bytes);
        var depthMax = tokens.Length == 0 ? 0 : tokens.Max(token => bytes[token].Length);
        var itemsMax = tokens.Length == 0 ? 0 : 2 + tokens.Max(token => Commas(bytes[token]));
        return new TokenTrie([.. nodes], tokens, depthMax, itemsMax);
    }

    /// <summary>Finds the nodes below which there is nothing but clean characters: there a walk need not go on byte by byte.</summary>
    private static void MarkClean(List<TrieNode> nodes, int[] tokens, byte[][] bytes)
    {
        for (var index = nodes.Count - 1; index >= 0; index--)
        {
            var node = nodes[index];
            var end = node.End < nodes.Count ? nodes[node.End].FirstToken : tokens.Length;
            var characters = 0;
            for (var i = node.FirstToken; i < end && characters >= 0; i++)
            {
                var count = CleanCharacters(bytes[tokens[i]].AsSpan(node.Depth));
                characters = count < 0 ? -1 : Math.Max(characters, count);
            }

            nodes[index] = node with { CleanBelow = characters < 0 ? TrieNode.NotClean : (ushort)characters };
        }
    }

    /// <summary>-1 when the text is not clean.</summary>
    private static int CleanCharacters(ReadOnlySpan<byte> text)
    {
        var count = 0;
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(text, out var rune, out var length) != OperationStatus.Done || rune.Value is < 0x20 or '"' or '\\' or 0x2028 or 0x2029)
            {
                return -1;
            }

            text = text[length..];
            count++;
        }

        return count;
    }

    private static int Commas(ReadOnlySpan<byte> text)
    {
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            count += text[i] == ',' && (i == 0 || text[i - 1] != ',') ? 1 : 0;
        }

        return count;
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
