namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>Which tokens may follow a set of threads: one scan of the vocabulary's trie, jumping over what does not match and what matches whatever it is.</summary>
internal sealed class MaskWalk
{
    private int[] _setEnds = [];
    private int[] _frameTops = [];

    /// <summary>Sets the bits of the text tokens that may follow the set 0..<see cref="Matcher.ThreadCount"/>; leaves the matcher as it was.</summary>
    public void Fill(Matcher matcher, TokenTrie trie, Span<ulong> allowed)
    {
        Prepare(matcher, trie.DepthMax);
        var nodes = trie.Nodes;
        var index = 0;
        while (index < nodes.Length)
        {
            ref readonly var node = ref nodes[index];
            var depth = node.Depth;
            matcher.CutTo(_setEnds[depth - 1], _frameTops[depth - 1]);
            if (!matcher.Step(depth == 1 ? 0 : _setEnds[depth - 2], _setEnds[depth - 1], node.Label))
            {
                index = node.End;
                continue;
            }

            (_setEnds[depth], _frameTops[depth]) = (matcher.ThreadCount, matcher.Frames.Top);
            var isWhole = node.CleanBelow != TrieNode.NotClean && matcher.TakesClean(_setEnds[depth - 1], node.CleanBelow);
            var next = isWhole ? node.End : index + 1;
            var end = !isWhole ? node.FirstToken + node.TokenCount : next < nodes.Length ? nodes[next].FirstToken : trie.Tokens.Length;
            foreach (var token in trie.Tokens.AsSpan(node.FirstToken, end - node.FirstToken))
            {
                allowed[token >> 6] |= 1UL << (token & 63);
            }

            index = next;
        }

        matcher.CutTo(_setEnds[0], _frameTops[0]);
    }

    private void Prepare(Matcher matcher, int depthMax)
    {
        if (_setEnds.Length <= depthMax)
        {
            _setEnds = new int[depthMax + 1];
            _frameTops = new int[depthMax + 1];
        }

        (_setEnds[0], _frameTops[0]) = (matcher.ThreadCount, matcher.Frames.Top);
    }
}
