namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>An encoder that cuts text into pieces whose tokens depend on nothing outside of them, so that what a piece became can be kept.</summary>
internal abstract class PieceEncoder : TextEncoder
{
    private readonly WordCaches _caches = new();

    public override void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into) => EncodePieces(utf8, scratch, into);

    /// <summary>Bytes of the first piece; <paramref name="text"/> is not empty.</summary>
    protected abstract int NextPiece(ReadOnlySpan<byte> text);

    /// <summary>Appends the tokens of a piece.</summary>
    protected abstract void EncodePiece(ReadOnlySpan<byte> piece, EncoderScratch scratch, TokenBuffer into);

    protected void EncodePieces(ReadOnlySpan<byte> text, EncoderScratch scratch, TokenBuffer into)
    {
        if (text.IsEmpty)
        {
            return;
        }

        var cache = _caches.Rent();
        while (!text.IsEmpty)
        {
            var length = NextPiece(text);
            if (cache is null || length > WordCache.PieceBytesMax)
            {
                EncodePiece(text[..length], scratch, into);
            }
            else
            {
                EncodeWord(text, length, cache, scratch, into);
            }

            text = text[length..];
        }

        _caches.Return(cache);
    }

    private void EncodeWord(ReadOnlySpan<byte> text, int length, WordCache cache, EncoderScratch scratch, TokenBuffer into)
    {
        var key = WordCache.KeyOf(text, length);
        if (cache.TryAppend(key, into))
        {
            return;
        }

        var before = into.Count;
        EncodePiece(text[..length], scratch, into);
        cache.Keep(key, into.Span[before..]);
    }
}
