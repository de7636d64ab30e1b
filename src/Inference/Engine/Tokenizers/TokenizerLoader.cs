using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Builds the tokenizer that a model file's own metadata describes (<c>tokenizer.ggml.*</c>). Throws <see cref="GgufException"/> naming the key
/// when something is missing, wrong, or of a kind that is not built.
/// </summary>
public static class TokenizerLoader
{
    private const string Model = "tokenizer.ggml.model";
    private const string Pre = "tokenizer.ggml.pre";
    private const string CharacterMapKey = "tokenizer.ggml.precompiled_charsmap";

    public static Tokenizer Load(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        var model = metadata.RequireString(Model);
        var pre = metadata.OptionalString(Pre) ?? "default";
        return model switch
        {
            "llama" => LoadSentencePiece(metadata),
            "t5" => LoadUnigram(metadata),
            "bert" => LoadWordPiece(metadata),
            "gpt2" when PreTokenizers.IsSentencePieceMerges(pre) => LoadMergedCharacters(metadata, pre),
            "gemma4" => LoadMergedCharacters(metadata, "gemma"),
            "gpt2" => LoadGpt2(metadata, pre),
            _ => throw metadata.Error(
                Model, $"is \"{model}\"; llama (SentencePiece byte pairs), t5 (SentencePiece unigrams), gpt2 (byte-level pairs) and bert (WordPiece) are built."),
        };
    }

    private static Tokenizer LoadSentencePiece(GgufMetadata metadata)
    {
        var vocabulary = TokenReader.Read(metadata, TokenSpelling.SentencePiece, needsScores: true);
        var spacePrefix = metadata.OptionalBool("tokenizer.ggml.add_space_prefix", true);
        var ids = TokenizerIdsReader.Read(metadata, vocabulary, new TokenizerDefaults { AddBegin = true, Begin = 1, End = 2, Unknown = 0 }) with { SpacePrefix = spacePrefix };
        return new Tokenizer(vocabulary, new SentencePieceEncoder(vocabulary, spacePrefix, Math.Max(0, ids.Unknown)), ids);
    }

    private static Tokenizer LoadMergedCharacters(GgufMetadata metadata, string pre)
    {
        var vocabulary = TokenReader.Read(metadata, TokenSpelling.SentencePiece);
        var spacePrefix = metadata.OptionalBool("tokenizer.ggml.add_space_prefix", pre == "phi-3");
        var ids = TokenizerIdsReader.Read(metadata, vocabulary, new TokenizerDefaults { AddBegin = true }) with { SpacePrefix = spacePrefix };
        var merges = MergeReader.Read(metadata, vocabulary, TokenSpelling.SentencePiece);
        return new Tokenizer(vocabulary, new SentencePieceEncoder(vocabulary, spacePrefix, Math.Max(0, ids.Unknown), merges), ids);
    }

    private static Tokenizer LoadUnigram(GgufMetadata metadata)
    {
        var vocabulary = TokenReader.Read(metadata, TokenSpelling.SentencePiece, needsScores: true);
        var defaults = new TokenizerDefaults { End = 1, Unknown = 2, ClosesDocuments = true };
        var ids = TokenizerIdsReader.Read(metadata, vocabulary, defaults) with { SpacePrefix = metadata.OptionalBool("tokenizer.ggml.add_space_prefix", true) };
        var joinsSpaces = metadata.OptionalBool("tokenizer.ggml.remove_extra_whitespaces", true);
        var options = new UnigramOptions(CharacterMapOf(metadata), ids.SpacePrefix, joinsSpaces, Math.Max(0, ids.Unknown));
        return new Tokenizer(vocabulary, new UnigramEncoder(vocabulary, options), ids);
    }

    private static CharacterMap? CharacterMapOf(GgufMetadata metadata) => metadata.OptionalBytes(CharacterMapKey) switch
    {
        null or { Length: 0 } => null,
        var blob => CharacterMap.TryRead(blob) ?? throw metadata.Error(
            CharacterMapKey, "is no SentencePiece character map: its sizes do not fit, or its last replacement does not end."),
    };

    private static Tokenizer LoadWordPiece(GgufMetadata metadata)
    {
        var vocabulary = TokenReader.Read(metadata, TokenReader.WordPieceSpelling(metadata));
        var defaults = new TokenizerDefaults { AddBegin = true, Begin = 101, Separator = 102, Unknown = 100, BeginKey = "tokenizer.ggml.cls_token_id", ClosesDocuments = true };
        var ids = TokenizerIdsReader.Read(metadata, vocabulary, defaults) with { SpacePrefix = true, ClosingsBetween = 1 };
        var lowers = metadata.OptionalBool("tokenizer.ggml.normalizer.lowercase", true);
        var strips = metadata.OptionalBool("tokenizer.ggml.normalizer.strip_accents", lowers);
        return new Tokenizer(vocabulary, new WordPieceEncoder(vocabulary, lowers, strips, Math.Max(0, ids.Unknown)), ids);
    }

    private static Tokenizer LoadGpt2(GgufMetadata metadata, string pre)
    {
        var splitter = PreTokenizers.Find(pre, out var wholePieceFirst) ?? throw metadata.Error(Pre, $"is \"{pre}\"; built are {PreTokenizers.Known}.");
        var vocabulary = TokenReader.Read(metadata, TokenSpelling.Gpt2);
        var ids = TokenizerIdsReader.Read(metadata, vocabulary, new TokenizerDefaults { AddBegin = PreTokenizers.IsLlama3(pre) });
        var merges = MergeReader.Read(metadata, vocabulary, TokenSpelling.Gpt2);
        var bytes = MergeReader.ByteTokens(metadata, vocabulary);
        return new Tokenizer(vocabulary, new Gpt2Encoder(vocabulary, splitter, merges, bytes, ids.Unknown, wholePieceFirst), ids);
    }
}
