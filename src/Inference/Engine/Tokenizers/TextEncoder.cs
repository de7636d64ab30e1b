namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>Text without special tokens to token ids. Immutable; callers bring the scratch.</summary>
internal abstract class TextEncoder
{
    /// <summary>Appends the tokens of <paramref name="utf8"/>; <paramref name="atStart"/> where a text begins or a special token came just before.</summary>
    public abstract void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into);
}

/// <summary>Working memory of one encoding thread.</summary>
internal sealed class EncoderScratch
{
    /// <summary>A prompt of 16,000 tokens needs about this; a rarer, longer one pays for its own memory.</summary>
    private const long KeptBytesMax = 8 << 20;

    [ThreadStatic]
    private static EncoderScratch? s_spare;

    public BytePairMerger Merger { get; } = new();

    /// <summary>Escaped text of the SentencePiece encoder.</summary>
    public byte[] Text { get; private set; } = [];

    /// <summary>This thread's scratch; give it back with <see cref="Return"/>.</summary>
    public static EncoderScratch Rent()
    {
        var scratch = s_spare ?? new EncoderScratch();
        s_spare = null;
        return scratch;
    }

    public static void Return(EncoderScratch scratch)
    {
        if (scratch.Merger.ScratchBytes + scratch.Text.Length <= KeptBytesMax)
        {
            s_spare = scratch;
        }
    }

    public Span<byte> TextOf(int length)
    {
        if (Text.Length < length)
        {
            Text = new byte[length];
        }

        return Text.AsSpan(0, length);
    }
}
