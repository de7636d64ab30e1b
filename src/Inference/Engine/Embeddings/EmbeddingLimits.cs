using Jesus.Inference.Engine.Architectures;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>How much embedding and reranking take on.</summary>
public static class EmbeddingLimits
{
    /// <summary>
    /// Rows (tokens) of one pass over an encoder: 256 texts of 8 tokens are one pass. Each row takes working memory, some 50 KB at width 768; past about 256 rows the
    /// kernels gain nothing more, so longer passes would only make others wait. Passes of decoders hold what the batcher allows, since answers wait for those.
    /// </summary>
    public const int EncoderRowsMax = 2_048;

    /// <summary>Tokens of one text for an encoder, whatever longer context the file states: every position sees all, so a text is one pass and its rows one memory.</summary>
    public const int EncoderTokensMax = 8_192;

    /// <summary>Rows of an encoder's passes where memory is short: what most encoders' contexts hold.</summary>
    public const int EncoderRowsMin = 512;

    /// <summary>How long an encoder's pass may take while other calls wait for it; the rows that this leaves follow from what passes took.</summary>
    public const int PassMs = 500;

    /// <summary>Texts of one call: as many as OpenAI's API takes.</summary>
    public const int TextsMax = 2_048;

    /// <summary>Tokens of one call: 4 MB of ids, and minutes of work for small encoders.</summary>
    public const int TokensMax = 1 << 20;

    /// <summary>Calls under way and waiting, of one model: they are computed together as far as rows allow, so few of them really wait.</summary>
    public const int CallsMax = 64;

    /// <summary>Floats of results that a spare call keeps: 1 MiB, 256 texts at width 1024. Larger ones pay for their own memory.</summary>
    internal const int KeptFloatsMax = 256 * 1_024;

    /// <summary>Spare calls of a model: as many as are under way in a usual hour.</summary>
    internal const int SpareCallsMax = 16;

    /// <summary>Rows of an encoder's passes, by what memory is left for them.</summary>
    public static int EncoderRows(ModelShape shape, long bytesLeft)
    {
        var wanted = Math.Max(EncoderRowsMax, Math.Min(shape.Context, EncoderTokensMax));
        return (int)Math.Clamp(bytesLeft / RowBytes(shape), Math.Min(EncoderRowsMin, wanted), wanted);
    }

    /// <summary>
    /// Working memory of a row: seven rows of the width (residual, norm, branch, queries, keys, values, attention), gate and up, what is quantised of the widest, the hidden
    /// state, and a block of 16 positions of keys and values, of which only a sixteenth is touched by texts of some length.
    /// </summary>
    public static long RowBytes(ModelShape shape) =>
        sizeof(float) * ((10L * shape.Width) + (3L * shape.Ffn)) + (2L * shape.KvHeads * shape.HeadDim * sizeof(float));
}
