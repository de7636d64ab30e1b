namespace Jesus.Inference.Engine.Gguf;

/// <summary>The K formats: blocks of 256 columns with one or two F16 scales, and small integer scales for each 16 or 32 columns.</summary>
internal static class DequantizeK
{
    /// <summary>16 bytes of scale (low) and minimum (high); 64 of codes; F16 scale and minimum. Runs of 32 columns share 32 bytes, four runs two bits each.</summary>
    public static void Q2(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (scale, least) = (Dequantize.Half(block[80..]), Dequantize.Half(block[82..]));
        for (var part = 0; part < 16; part++)
        {
            var (d, m) = (scale * (block[part] & 15), least * (block[part] >> 4));
            for (var i = 0; i < 16; i++)
            {
                values[part * 16 + i] = d * TwoBits(block[16..], part, i) - m;
            }
        }
    }

    /// <summary>32 bytes of third bits (a bit for each run of 32 columns); 64 of codes as in Q2_K; 12 of 6-bit scales; F16 scale.</summary>
    public static void Q3(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Dequantize.Half(block[108..]);
        var parts = block.Slice(96, 12);
        for (var part = 0; part < 16; part++)
        {
            var low = parts[part % 8] >> 4 * (part / 8) & 15;
            var d = scale * ((low | (parts[8 + part % 4] >> 2 * (part / 4) & 3) << 4) - 32);
            for (var i = 0; i < 16; i++)
            {
                var third = block[part % 2 * 16 + i] >> part / 2 & 1;
                values[part * 16 + i] = d * (TwoBits(block[32..], part, i) + 4 * third - 4);
            }
        }
    }

    /// <summary>F16 scale and minimum; 12 bytes of 6-bit scales and minima; 128 bytes of nibbles, 64 columns in 32 bytes.</summary>
    public static void Q4(ReadOnlySpan<byte> block, Span<float> values) => WithMinima(block, default, block[16..], values);

    /// <summary>As Q4_K, with 32 bytes of fifth bits (a bit for each run of 32 columns) before the nibbles.</summary>
    public static void Q5(ReadOnlySpan<byte> block, Span<float> values) => WithMinima(block, block.Slice(16, 32), block[48..], values);

    /// <summary>128 bytes of low nibbles; 64 of two high bits; 16 signed scales; F16 scale. Each 128 columns use 64 and 32 bytes.</summary>
    public static void Q6(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Dequantize.Half(block[208..]);
        for (var i = 0; i < 256; i++)
        {
            var (half, within) = (i / 128, i % 128);
            var low = block[half * 64 + within % 64] >> 4 * (within / 64) & 15;
            var high = block[128 + half * 32 + within % 32] >> 2 * (within / 32) & 3;
            values[i] = scale * (sbyte)block[192 + i / 16] * ((low | high << 4) - 32);
        }
    }

    private static int TwoBits(ReadOnlySpan<byte> codes, int part, int i) => codes[part / 8 * 32 + part % 2 * 16 + i] >> part % 8 / 2 * 2 & 3;

    private static void WithMinima(ReadOnlySpan<byte> block, ReadOnlySpan<byte> fifth, ReadOnlySpan<byte> nibbles, Span<float> values)
    {
        var (scale, least) = (Dequantize.Half(block), Dequantize.Half(block[2..]));
        for (var part = 0; part < 8; part++)
        {
            var (d, m) = (scale * Scale(block.Slice(4, 12), part), least * Least(block.Slice(4, 12), part));
            for (var i = 0; i < 32; i++)
            {
                var code = nibbles[part / 2 * 32 + i] >> 4 * (part % 2) & 15;
                code |= fifth.IsEmpty ? 0 : (fifth[i] >> part & 1) << 4;
                values[part * 32 + i] = d * code - m;
            }
        }
    }

    private static int Scale(ReadOnlySpan<byte> parts, int i) => i < 4 ? parts[i] & 63 : parts[i + 4] & 15 | parts[i - 4] >> 6 << 4;

    private static int Least(ReadOnlySpan<byte> parts, int i) => i < 4 ? parts[i + 4] & 63 : parts[i + 4] >> 4 | parts[i] >> 6 << 4;
}
