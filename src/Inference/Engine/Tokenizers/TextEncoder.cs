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

    /// <summary>Text as its encoder normalises it.</summary>
    public byte[] Text { get; private set; } = [];

    /// <summary>Bytes of <see cref="Text"/> written by <see cref="Write(byte)"/>.</summary>
    public int Written { get; set; }

    private ViterbiStep[] _steps = [];

    /// <summary>This thread's scratch; give it back with <see cref="Return"/>.</summary>
    public static EncoderScratch Rent()
    {
        var scratch = s_spare ?? new EncoderScratch();
        s_spare = null;
        return scratch;
    }

    public static void Return(EncoderScratch scratch)
    {
        if (scratch.Merger.ScratchBytes + scratch.Text.Length + (scratch._steps.LongLength * 16) <= KeptBytesMax)
        {
            s_spare = scratch;
        }
    }

    /// <summary>Adds a byte to <see cref="Text"/>.</summary>
    public void Write(byte value)
    {
        if (Written == Text.Length)
        {
            var longer = new byte[Math.Max(256, Written * 2)];
            Text.CopyTo(longer, 0);
            Text = longer;
        }

        Text[Written++] = value;
    }

    /// <summary>Adds bytes to <see cref="Text"/>.</summary>
    public void Write(ReadOnlySpan<byte> values)
    {
        foreach (var value in values)
        {
            Write(value);
        }
    }

    public Span<ViterbiStep> StepsOf(int length)
    {
        if (_steps.Length < length)
        {
            _steps = new ViterbiStep[Math.Max(length, 64)];
        }

        return _steps.AsSpan(0, length);
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
