using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// SentencePiece byte pairs: spaces become U+2581, characters merge, what no token covers becomes byte tokens. The pair with the best-scored token merges
/// first or, where the file lists merges (Gemma 4), the pair listed first. The vocabulary holds its tokens with a plain space where the file has U+2581, so text
/// and tokens compare as they are.
/// </summary>
internal sealed class SentencePieceEncoder : PieceEncoder
{
    private readonly Vocabulary _vocabulary;
    private readonly bool _addSpacePrefix;
    private readonly int _unknown;
    private readonly MergeTable? _merges;
    private readonly InnerPairs _pairs;

    /// <summary>[256], -1 where the vocabulary lacks the byte.</summary>
    private readonly int[] _byteTokens;

    /// <param name="merges">Null where scores decide.</param>
    public SentencePieceEncoder(Vocabulary vocabulary, bool addSpacePrefix, int unknown, MergeTable? merges = null)
    {
        _vocabulary = vocabulary;
        _addSpacePrefix = addSpacePrefix;
        _unknown = unknown;
        _merges = merges;
        _pairs = new InnerPairs(vocabulary, lineEndsApart: merges is not null);
        _byteTokens = ByteTokens(vocabulary);
    }

    public static int[] ByteTokens(Vocabulary vocabulary)
    {
        var tokens = new int[256];
        Array.Fill(tokens, -1);
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.TypeOf(id) == TokenType.Byte)
            {
                tokens[vocabulary.Bytes(id)[0]] = id;
            }
        }

        return tokens;
    }

    public override void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into)
    {
        if (utf8.IsEmpty || !atStart || !_addSpacePrefix)
        {
            EncodePieces(utf8, scratch, into);
            return;
        }

        var text = scratch.TextOf(utf8.Length + 1);
        text[0] = (byte)' ';
        utf8.CopyTo(text[1..]);
        EncodePieces(text, scratch, into);
    }

    /// <summary>With listed merges a run of line ends is a piece of its own, as the published tokenizer cuts it.</summary>
    protected override int NextPiece(ReadOnlySpan<byte> text) => _pairs.NextPart(text);

    protected override void EncodePiece(ReadOnlySpan<byte> piece, EncoderScratch scratch, TokenBuffer into)
    {
        if (_merges is not null && piece[0] == '\n' && _vocabulary.Find(piece) is >= 0 and var lineEnds)
        {
            into.Add(lineEnds);
            return;
        }

        var merger = scratch.Merger;
        merger.Begin();
        AddCharacters(merger, piece);
        if (_merges is null)
        {
            merger.Merge(piece, new ScoreRule(_vocabulary));
        }
        else
        {
            merger.Merge(piece, new RankRule(_merges));
        }

        for (var i = 0; i < merger.Count; i = merger[i].Next)
        {
            Emit(merger[i], piece, into);
        }
    }

    private void AddCharacters(BytePairMerger merger, ReadOnlySpan<byte> text)
    {
        for (var at = 0; at < text.Length;)
        {
            _ = Rune.DecodeFromUtf8(text[at..], out _, out var length);
            merger.Add(at, length, _vocabulary.Find(text.Slice(at, length)));
            at += length;
        }
    }

    private void Emit(in Symbol symbol, ReadOnlySpan<byte> text, TokenBuffer into)
    {
        if (symbol.Id >= 0)
        {
            into.Add(symbol.Id);
            return;
        }

        foreach (var value in text.Slice(symbol.Start, symbol.Length))
        {
            into.Add(_byteTokens[value] >= 0 ? _byteTokens[value] : _unknown);
        }
    }

    private readonly struct ScoreRule(Vocabulary vocabulary) : IMergeRule
    {
        public bool TryMerge(in Symbol left, in Symbol right, ReadOnlySpan<byte> text, out uint order, out int merged)
        {
            merged = vocabulary.Find(text.Slice(left.Start, left.Length + right.Length));
            order = merged < 0 ? 0 : Descending(vocabulary.ScoreOf(merged));
            return merged >= 0;
        }

        /// <summary>The bits of a float, so that a higher score is a lower number.</summary>
        private static uint Descending(float score)
        {
            var bits = BitConverter.SingleToUInt32Bits(score);
            var ascending = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
            return ~ascending;
        }
    }
}
