namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Text to tokens and back, as the model file defines it. Immutable and safe from any thread. Control tokens are parsed only where the caller
/// says that the text is trusted.
/// </summary>
public sealed class Tokenizer
{
    private readonly TextEncoder _encoder;
    private readonly SpecialTokens _specials;
    private readonly bool[] _endsGeneration;

    internal Tokenizer(Vocabulary vocabulary, TextEncoder encoder, TokenizerIds ids)
    {
        Vocabulary = vocabulary;
        Ids = ids;
        _encoder = encoder;
        _specials = new SpecialTokens(vocabulary);
        _endsGeneration = new bool[vocabulary.Count];
        foreach (var id in ids.EndsGeneration)
        {
            _endsGeneration[id] = true;
        }
    }

    public Vocabulary Vocabulary { get; }
    public TokenizerIds Ids { get; }

    /// <summary>The model says that it is done: end of text, of turn, or of message.</summary>
    public bool EndsGeneration(int id) => _endsGeneration[id];

    /// <summary>Appends the tokens of a text. No begin-of-text token is added.</summary>
    /// <param name="parseSpecial">All of the text is trusted: control tokens written in it are taken as such.</param>
    public void Encode(ReadOnlySpan<byte> utf8, bool parseSpecial, TokenBuffer into)
    {
        Span<TrustedRange> all = [new TrustedRange(0, utf8.Length)];
        Encode(utf8, parseSpecial ? all : default, into);
    }

    /// <summary>Appends the tokens of a text of which only some ranges are trusted; ranges ascend. Text between control tokens is split as one.</summary>
    public void Encode(ReadOnlySpan<byte> utf8, ReadOnlySpan<TrustedRange> trusted, TokenBuffer into)
    {
        var scratch = EncoderScratch.Rent();
        var from = 0;
        while (_specials.TryFind(utf8, from, trusted, out var at, out var id))
        {
            _encoder.Encode(utf8[from..at], AtStart(from, into), scratch, into);
            into.Add(id);
            from = at + Vocabulary.Bytes(id).Length;
        }

        _encoder.Encode(utf8[from..], AtStart(from, into), scratch, into);
        EncoderScratch.Return(scratch);
    }

    /// <summary>Appends a whole prompt: the begin-of-text token where the model wants one and the text does not begin with it, then the text.</summary>
    public void EncodePrompt(ReadOnlySpan<byte> utf8, ReadOnlySpan<TrustedRange> trusted, TokenBuffer into)
    {
        var begin = into.Count;
        if (Ids.AddBegin && Ids.Begin >= 0)
        {
            into.Add(Ids.Begin);
        }

        var afterBegin = into.Count;
        Encode(utf8, trusted, into);
        if (afterBegin > begin && into.Count > afterBegin && into.Span[afterBegin] == Ids.Begin)
        {
            into.RemoveAt(begin); // The template wrote its own.
        }
    }

    /// <summary>Appends a text as an encoder or embedding model wants it: with the tokens that it begins and ends with. None of it is trusted.</summary>
    public void EncodeDocument(ReadOnlySpan<byte> utf8, TokenBuffer into)
    {
        EncodePrompt(utf8, default, into);
        if (Ids.Closing >= 0)
        {
            into.Add(Ids.Closing);
        }
    }

    /// <summary>
    /// Appends a query and a document as a cross-encoder wants them in one text: both closed, and the first as often as the model's kind does between two texts. None of it
    /// is trusted. Answers where in <paramref name="into"/> the document begins; its tokens and the closing one are of the second type.
    /// </summary>
    public int EncodePair(ReadOnlySpan<byte> query, ReadOnlySpan<byte> document, TokenBuffer into)
    {
        EncodePrompt(query, default, into);
        for (var i = 0; i < Ids.ClosingsBetween && Ids.Closing >= 0; i++)
        {
            into.Add(Ids.Closing);
        }

        var second = into.Count;
        Encode(document, parseSpecial: false, into);
        if (Ids.Closing >= 0)
        {
            into.Add(Ids.Closing);
        }

        return second;
    }

    /// <summary>The text of some tokens, control tokens left out; the space that SentencePiece puts before a text is taken off.</summary>
    public byte[] Decode(ReadOnlySpan<int> ids)
    {
        var detokenizer = new StreamingDetokenizer(this);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        foreach (var id in ids)
        {
            detokenizer.Append(id, output);
        }

        detokenizer.Finish(output);
        var text = output.WrittenSpan;
        return (Ids.SpacePrefix && text.StartsWith(" "u8) ? text[1..] : text).ToArray();
    }

    private bool AtStart(int from, TokenBuffer into) =>
        from > 0 || into.Count == 0 || Vocabulary.TypeOf(into.Span[^1]) == TokenType.Control;
}
