using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>
/// A set of threads written as numbers so that equal situations give equal masks: counts are cut to what one token could still tell apart
/// (a token of n bytes adds at most n characters, and an item for each comma).
/// </summary>
internal sealed class MaskKey
{
    private readonly List<int> _numbers = [];

    public ReadOnlySpan<int> Numbers => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_numbers);

    public void Set(Grammar grammar, FrameStack frames, ReadOnlySpan<MatchThread> threads, TokenTrie trie)
    {
        _numbers.Clear();
        foreach (ref readonly var thread in threads)
        {
            AddCount(grammar, thread.State, thread.Count, trie);
            for (var index = thread.Frame; index >= 0; index = frames[index].Parent)
            {
                AddCount(grammar, frames[index].Return, frames[index].Count, trie);
            }

            _numbers.Add(-1);
        }
    }

    private void AddCount(Grammar grammar, int index, int count, TokenTrie trie)
    {
        _numbers.Add(index);
        ref readonly var state = ref grammar.States[index];
        if (state.Counted)
        {
            var cut = state.Items ? trie.ItemsMax : trie.DepthMax;
            _numbers.Add(Math.Clamp(state.Min - count, 0, cut + 1));
            _numbers.Add(Math.Clamp(state.Max - count, 0, cut + 1));
        }
    }
}
