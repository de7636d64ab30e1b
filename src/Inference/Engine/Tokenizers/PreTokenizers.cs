namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>The pre-tokenizers by the names that <c>tokenizer.ggml.pre</c> gives them, with what else a name says.</summary>
internal static class PreTokenizers
{
    public const string Known = "default, gpt-2, llama-bpe, qwen2, qwen35, gpt-4o, tekken, deepseek-llm, deepseek-coder, deepseek-v3, falcon, mpt, starcoder, refact, command-r, "
        + "smollm, dbrx, phi-3, gemma and names used for the same";

    /// <summary>Null when no such name is known.</summary>
    /// <param name="name">As the file has it.</param>
    /// <param name="wholePieceFirst">A piece that is a token as a whole is taken without merging (<c>ignore_merges</c> of the published tokenizer).</param>
    public static PreTokenizer? Find(string name, out bool wholePieceFirst)
    {
        wholePieceFirst = IsLlama3(name) || name is "tekken";
        return name switch
        {
            "default" => new FalconPreTokenizer(isDefault: true),
            "falcon" => new FalconPreTokenizer(),
            "gpt-2" or "mpt" or "olmo" or "jais" or "phi-2" or "exaone4" or "gigachat" or "a.x-4.0" or "mellum" or "modern-bert" or "trillion" or "granite-docling"
                or "roberta-bpe" or "jina-es" or "jina-de" or "jina-v2-es" or "jina-v2-de" or "jina-v1-en" or "jina-v2-code" => new Gpt2PreTokenizer(),
            "starcoder" or "refact" or "command-r" or "smollm" or "codeshell" or "exaone" or "minerva-7b" or "mellum2" => new Gpt2PreTokenizer(numbersApart: true),
            "qwen2" or "qwen3" or "deepseek-r1-qwen" or "stablelm2" or "hunyuan" or "megrez" or "solar-open" or "grok-2" or "kormo" or "f2llmv2" => new Qwen2PreTokenizer(1),
            "qwen35" => new Qwen2PreTokenizer(1, marksAreLetters: true),
            "dbrx" or "smaug-bpe" or "glm4" or "chatglm-bpe" => new Qwen2PreTokenizer(3),
            "gpt-4o" or "gpt-oss" or "llama4" or "kanana2" or "talkie" or "minimax-m2" => new Gpt4oPreTokenizer(3, contractions: true),
            "tekken" => new Gpt4oPreTokenizer(1, contractions: false),
            "deepseek-llm" => new DeepSeekPreTokenizer(isCoder: false),
            "deepseek-coder" => new DeepSeekPreTokenizer(isCoder: true),
            "deepseek-v3" or "hunyuan-dense" or "joyai-llm" => new DeepSeek3PreTokenizer(),
            _ => IsLlama3(name) ? new Qwen2PreTokenizer(3) : null,
        };
    }

    /// <summary>Llama 3's: its files mean a begin-of-text token also where they do not say so.</summary>
    public static bool IsLlama3(string name) =>
        name is "llama-bpe" or "llama3" or "llama-v3" or "falcon3" or "falcon-h1" or "pixtral" or "midm-2.0" or "lfm2" or "jina-v5-nano";

    /// <summary>
    /// SentencePiece's tokenizers written as merges: characters instead of bytes, U+2581 for a space, byte tokens for what no token covers, cut at line ends only.
    /// </summary>
    public static bool IsSentencePieceMerges(string name) => name is "gemma" or "gemma4" or "phi-3";
}
