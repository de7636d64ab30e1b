using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>Log probabilities with their tokens' texts: each token followed by its alternatives. Cleared and filled again; nothing is allocated per token.</summary>
internal sealed class NamedLogProbs
{
    private readonly ByteBuffer _texts = new();
    private readonly List<Entry> _entries = [];
    private TokenLogProb[] _items = [];

    public int Count => _entries.Count;

    public void Clear()
    {
        _texts.Clear();
        _entries.Clear();
    }

    public void Add(Vocabulary vocabulary, int token, float logProb, ReadOnlySpan<TokenAlternative> alternatives)
    {
        Add(TextOf(vocabulary, token), logProb, alternatives.Length);
        foreach (var alternative in alternatives)
        {
            Add(TextOf(vocabulary, alternative.Token), alternative.LogProb, 0);
        }
    }

    public void Add(NamedLogProbs? others)
    {
        for (var i = 0; i < others?.Count; i++)
        {
            var entry = others._entries[i];
            Add(others._texts.Span.Slice(entry.Start, entry.Length), entry.LogProb, entry.Alternatives);
        }
    }

    /// <summary>Entries as the contract has them; valid until the next change.</summary>
    public ReadOnlyMemory<TokenLogProb> Slice(int start, int count)
    {
        if (_items.Length < _entries.Count)
        {
            _items = new TokenLogProb[Math.Max(_entries.Count, _items.Length * 2)];
        }

        for (var i = start; i < start + count; i++)
        {
            var entry = _entries[i];
            _items[i] = new TokenLogProb(_texts.Memory.Slice(entry.Start, entry.Length), entry.LogProb, entry.Alternatives);
        }

        return _items.AsMemory(start, count);
    }

    private void Add(ReadOnlySpan<byte> text, float logProb, int alternatives)
    {
        _entries.Add(new Entry(_texts.Count, text.Length, logProb, alternatives));
        _texts.Add(text);
    }

    /// <summary>A control token says nothing in an answer; as an alternative it is shown as it is written.</summary>
    private static ReadOnlySpan<byte> TextOf(Vocabulary vocabulary, int token) =>
        vocabulary.OutputBytes(token) is { IsEmpty: false } text ? text : vocabulary.Bytes(token);

    private readonly record struct Entry(int Start, int Length, float LogProb, int Alternatives);
}
