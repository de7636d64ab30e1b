using System.Globalization;
using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// BERT's WordPiece: the text is cleaned (control characters out; case and accents as the file says) and cut at white space, around punctuation and around
/// ideographs; each word becomes the longest token that begins it, and so on, or the unknown token. The vocabulary holds tokens that begin a word with a
/// space before them, those that go on with none.
/// </summary>
internal sealed class WordPieceEncoder : PieceEncoder
{
    /// <summary>BERT's max_input_chars_per_word: a longer word is unknown. It also bounds the search, which is quadratic.</summary>
    private const int WordCharactersMax = 100;

    private readonly Vocabulary _vocabulary;
    private readonly bool _lowers;
    private readonly bool _stripsAccents;
    private readonly int _unknown;
    private readonly int _tokenBytesMax;

    public WordPieceEncoder(Vocabulary vocabulary, bool lowers, bool stripsAccents, int unknown)
    {
        (_vocabulary, _lowers, _stripsAccents, _unknown) = (vocabulary, lowers, stripsAccents, unknown);
        for (var id = 0; id < vocabulary.Count; id++)
        {
            _tokenBytesMax = Math.Max(_tokenBytesMax, vocabulary.Bytes(id).Length);
        }
    }

    public override void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into)
    {
        scratch.Written = 0;
        var inWord = false;
        for (var at = 0; at < utf8.Length;)
        {
            _ = Rune.DecodeFromUtf8(utf8[at..], out var rune, out var length);
            inWord = Clean(rune, scratch, inWord);
            at += length;
        }

        EncodePieces(scratch.Text.AsSpan(0, scratch.Written), scratch, into);
    }

    /// <summary>A space and the word behind it, as <see cref="Write"/> leaves them.</summary>
    protected override int NextPiece(ReadOnlySpan<byte> text)
    {
        var length = text[1..].IndexOf((byte)' ') + 1;
        return length > 0 ? length : text.Length;
    }

    protected override void EncodePiece(ReadOnlySpan<byte> piece, EncoderScratch scratch, TokenBuffer into)
    {
        var before = into.Count;
        for (var at = 0; at < piece.Length;)
        {
            var length = Math.Min(piece.Length - at, _tokenBytesMax);
            while (length > 0 && _vocabulary.Find(piece.Slice(at, length)) < 0)
            {
                length--;
            }

            if (length == 0 || piece.Length > WordCharactersMax * 4 || CharactersOf(piece) > WordCharactersMax + 1)
            {
                into.Truncate(before);
                into.Add(_unknown);
                return;
            }

            into.Add(_vocabulary.Find(piece.Slice(at, length)));
            at += length;
        }
    }

    private static int CharactersOf(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var value in text)
        {
            count += (value & 0xC0) != 0x80 ? 1 : 0;
        }

        return count;
    }

    /// <summary>Writes what stands for a character; whether a word is open then.</summary>
    private bool Clean(Rune rune, EncoderScratch scratch, bool inWord)
    {
        var kind = CharacterClasses.Of(rune.Value);
        if (kind == CharacterClass.Space)
        {
            return false;
        }

        if (kind == CharacterClass.None || rune.Value == 0xFFFD)
        {
            return inWord;
        }

        if (!_stripsAccents || !Decompositions.TryGet(rune, out var parts))
        {
            return Write(rune, kind, scratch, inWord);
        }

        foreach (var part in parts)
        {
            inWord = part == 0 ? inWord : Write(new Rune(part), CharacterClasses.Of(part), scratch, inWord);
        }

        return inWord;
    }

    private bool Write(Rune rune, CharacterClass kind, EncoderScratch scratch, bool inWord)
    {
        if (_stripsAccents && kind == CharacterClass.Mark && Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark)
        {
            return inWord;
        }

        var alone = kind == CharacterClass.Punctuation || (kind == CharacterClass.Symbol && rune.Value < 0x7F) || IsIdeograph(rune.Value);
        if (alone || !inWord)
        {
            scratch.Write((byte)' ');
        }

        Span<byte> utf8 = stackalloc byte[4];
        var length = (_lowers ? Rune.ToLowerInvariant(rune) : rune).EncodeToUtf8(utf8);
        scratch.Write(utf8[..length]);
        return !alone;
    }

    /// <summary>The blocks that BERT's own tokenizer names.</summary>
    private static bool IsIdeograph(int rune) => rune is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B820 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
