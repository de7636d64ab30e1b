namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>GPT-2 byte pairs: the text is cut into pieces, each piece's bytes merge by rank.</summary>
/// <param name="byteTokens">[256]: the token of each single byte, -1 where the vocabulary lacks it.</param>
/// <param name="unknown">What a byte without a token becomes; nothing when it is -1.</param>
/// <param name="wholePieceFirst">A piece that is a token as a whole is taken without merging (<c>ignore_merges</c> of Llama 3).</param>
internal sealed class Gpt2Encoder(Vocabulary vocabulary, PreTokenizer splitter, MergeTable merges, int[] byteTokens, int unknown, bool wholePieceFirst) : PieceEncoder
{
    protected override int NextPiece(ReadOnlySpan<byte> text) => splitter.NextPiece(text);

    protected override void EncodePiece(ReadOnlySpan<byte> piece, EncoderScratch scratch, TokenBuffer into)
    {
        if (wholePieceFirst && vocabulary.Find(piece) is >= 0 and var whole)
        {
            into.Add(whole);
            return;
        }

        var merger = scratch.Merger;
        merger.Begin();
        for (var i = 0; i < piece.Length; i++)
        {
            merger.Add(i, 1, byteTokens[piece[i]]);
        }

        merger.Merge(piece, new RankRule(merges));
        for (var i = 0; i < merger.Count; i = merger[i].Next)
        {
            var id = merger[i].Id >= 0 ? merger[i].Id : unknown;
            if (id >= 0)
            {
                into.Add(id);
            }
        }
    }
}

/// <summary>Pairs merge by their rank in the file's list.</summary>
internal readonly struct RankRule(MergeTable merges) : IMergeRule
{
    public bool TryMerge(in Symbol left, in Symbol right, ReadOnlySpan<byte> text, out uint order, out int merged) =>
        merges.TryGet(left.Id, right.Id, out order, out merged) && left.Id >= 0 && right.Id >= 0;
}
