using System.Text;
using System.Text.Json;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

public sealed class SentencePieceTests
{
    [Fact]
    public void The_best_score_merges_first_and_unknown_characters_become_bytes()
    {
        var tokenizer = TokenizerSamples.Load(Sample());
        Assert.Equal(" a|b", TokenizerSamples.Texts(tokenizer, "ab"));
        Assert.Equal([4, 5, 6, 7], TokenizerSamples.Encode(tokenizer, "éb"));
    }

    [Fact]
    public void The_space_put_before_a_text_is_taken_off_again()
    {
        var tokenizer = TokenizerSamples.Load(Sample());
        Assert.Equal("ab", Encoding.UTF8.GetString(tokenizer.Decode(TokenizerSamples.Encode(tokenizer, "ab"))));
    }

    [Fact]
    public void Prompts_of_the_stories_model_get_the_ids_of_an_independent_engine()
    {
        Assert.SkipUnless(TestData.HasStories, TestData.StoriesMissing);
        using var file = GgufFile.Open(TestData.StoriesModel);
        var tokenizer = TokenizerLoader.Load(file.Metadata);
        using var golden = JsonDocument.Parse(File.ReadAllText(TestData.StoriesGreedy));
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            var prompt = item.GetProperty("prompt").GetString()!;
            var ids = new TokenBuffer();
            tokenizer.EncodePrompt(Encoding.UTF8.GetBytes(prompt), default, ids);
            Assert.Equal(item.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()), ids.Span.ToArray());
            Assert.Equal(prompt, Encoding.UTF8.GetString(tokenizer.Decode(ids.Span)));
        }
    }

    [Fact]
    public void Texts_of_the_stories_model_come_back_from_their_tokens()
    {
        Assert.SkipUnless(TestData.HasStories, TestData.StoriesMissing);
        using var file = GgufFile.Open(TestData.StoriesModel);
        var tokenizer = TokenizerLoader.Load(file.Metadata);
        using var golden = JsonDocument.Parse(File.ReadAllText(TestData.StoriesGreedy));
        foreach (var text in golden.RootElement.GetProperty("cases").EnumerateArray().Select(item => item.GetProperty("text").GetString()!).Append("naïve 語 \t😀"))
        {
            Assert.Equal(text, Encoding.UTF8.GetString(tokenizer.Decode(TokenizerSamples.Encode(tokenizer, text))));
        }
    }

    /// <summary>"▁a" scores above "ab", so "▁ab" is "▁a", "b"; 0xC3 and 0xA9 are byte tokens of "é".</summary>
    private static GgufWriter Sample() => new GgufWriter()
        .Add("tokenizer.ggml.model", "llama")
        .Add("tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", "ab", "▁", "<0xC3>", "<0xA9>", "b", "a", "▁a"])
        .Add("tokenizer.ggml.scores", [0f, 0f, 0f, -5f, -9f, 0f, 0f, -8f, -7f, -1f])
        .Add("tokenizer.ggml.token_type", [2, 3, 3, 1, 1, 6, 6, 1, 1, 1])
        .Add("tokenizer.ggml.unknown_token_id", 0u);
}
