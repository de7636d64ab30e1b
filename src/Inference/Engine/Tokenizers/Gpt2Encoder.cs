namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>GPT-2 byte pairs: the text is cut into pieces, each piece's bytes merge by rank.</summary>
internal sealed class Gpt2Encoder : TextEncoder
{
    private readonly Vocabulary _vocabulary;
    private readonly PreTokenizer _splitter;
    private readonly MergeTable _merges;
    private readonly bool _wholePieceFirst;

    /// <summary>[256]: the token of each single byte.</summary>
    private readonly int[] _byteTokens;

    /// <param name="wholePieceFirst">A piece that is a token as a whole is taken without merging (<c>ignore_merges</c> of Llama 3).</param>
    public Gpt2Encoder(Vocabulary vocabulary, PreTokenizer splitter, MergeTable merges, int[] byteTokens, bool wholePieceFirst)
    {
        _vocabulary = vocabulary;
        _splitter = splitter;
        _merges = merges;
        _byteTokens = byteTokens;
        _wholePieceFirst = wholePieceFirst;
    }

    public override void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into)
    {
        while (!utf8.IsEmpty)
        {
            var length = _splitter.NextPiece(utf8);
            EncodePiece(utf8[..length], scratch.Merger, into);
            utf8 = utf8[length..];
        }
    }

    private void EncodePiece(ReadOnlySpan<byte> piece, BytePairMerger merger, TokenBuffer into)
    {
        if (_wholePieceFirst && _vocabulary.Find(piece) is >= 0 and var whole)
        {
            into.Add(whole);
            return;
        }

        merger.Begin();
        for (var i = 0; i < piece.Length; i++)
        {
            merger.Add(i, 1, _byteTokens[piece[i]]);
        }

        merger.Merge(piece, new RankRule(_merges));
        for (var i = 0; i < merger.Count; i = merger[i].Next)
        {
            into.Add(merger[i].Id);
        }
    }

    private readonly struct RankRule(MergeTable merges) : IMergeRule
    {
        public bool TryMerge(in Symbol left, in Symbol right, ReadOnlySpan<byte> text, out uint order, out int merged) =>
            merges.TryGet(left.Id, right.Id, out order, out merged);
    }
}
