using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// SentencePiece byte pairs by score: spaces become U+2581, characters merge to the best-scored token, what no token covers becomes byte tokens.
/// The vocabulary holds its tokens with a plain space where the file has U+2581, so text and tokens compare as they are.
/// </summary>
internal sealed class SentencePieceEncoder : TextEncoder
{
    private readonly Vocabulary _vocabulary;
    private readonly bool _addSpacePrefix;
    private readonly int _unknown;

    /// <summary>[256], -1 where the vocabulary lacks the byte.</summary>
    private readonly int[] _byteTokens;

    public SentencePieceEncoder(Vocabulary vocabulary, bool addSpacePrefix, int unknown)
    {
        _vocabulary = vocabulary;
        _addSpacePrefix = addSpacePrefix;
        _unknown = unknown;
        _byteTokens = new int[256];
        Array.Fill(_byteTokens, -1);
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.TypeOf(id) == TokenType.Byte)
            {
                _byteTokens[vocabulary.Bytes(id)[0]] = id;
            }
        }
    }

    public override void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into)
    {
        if (utf8.IsEmpty)
        {
            return;
        }

        var prefix = atStart && _addSpacePrefix ? 1 : 0;
        var text = scratch.TextOf(utf8.Length + prefix);
        text[0] = (byte)' ';
        utf8.CopyTo(text[prefix..]);
        var merger = scratch.Merger;
        merger.Begin();
        AddCharacters(merger, text);
        merger.Merge(text, new ScoreRule(_vocabulary));
        for (var i = 0; i < merger.Count; i = merger[i].Next)
        {
            Emit(merger[i], text, into);
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
