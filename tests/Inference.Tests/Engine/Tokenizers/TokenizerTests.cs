using System.Text;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Tests.Memory;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

public sealed class TokenizerTests(ITestOutputHelper output)
{
    private const string Letters = "hello worldé\n\t 語<|im_end|>";
    private static readonly string[] Merges = ["l l", "h e", "ll o", "he llo", "Ġ w", "o r"];

    [Fact]
    public void Byte_pairs_merge_by_rank_inside_each_piece()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", Merges, []));
        Assert.Equal("hello| w|or|l|d", TokenizerSamples.Texts(tokenizer, "hello world"));
    }

    [Fact]
    public void The_lower_rank_merges_first_and_equal_ranks_from_the_left()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", ["b c", "a b", "a a"], []));
        Assert.Equal("a|bc", TokenizerSamples.Texts(tokenizer, "abc"));
        Assert.Equal("aa|a", TokenizerSamples.Texts(tokenizer, "aaa"));
    }

    [Fact]
    public void Only_llama_bpe_takes_a_whole_piece_without_merging()
    {
        Assert.Equal("a|b|c", TokenizerSamples.Texts(TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", [], [], ["abc"])), "abc"));
        Assert.Equal("abc", TokenizerSamples.Texts(TokenizerSamples.Load(TokenizerSamples.Gpt2("llama-bpe", [], [], ["abc"])), "abc"));
    }

    [Fact]
    public void Control_tokens_are_parsed_only_where_the_caller_says_so()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("qwen2", [], ["<|im_end|>"]));
        Assert.Equal(3, TokenizerSamples.Encode(tokenizer, "a<|im_end|>b", parseSpecial: true).Length);
        Assert.Equal(12, TokenizerSamples.Encode(tokenizer, "a<|im_end|>b", parseSpecial: false).Length);
    }

    [Fact]
    public void A_control_token_that_reaches_into_untrusted_text_is_not_parsed()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("qwen2", [], ["<|im_end|>"]));
        var ids = new TokenBuffer();
        var text = "<|im_end|>x<|im_end|>"u8;
        tokenizer.Encode(text, [new TrustedRange(0, 4), new TrustedRange(4, 6), new TrustedRange(11, 5)], ids);
        Assert.Equal(1 + 1 + 10, ids.Count);
    }

    [Fact]
    public void Trusted_and_untrusted_text_between_control_tokens_is_split_as_one()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", ["a b"], []));
        var ids = new TokenBuffer();
        tokenizer.Encode("ab"u8, [new TrustedRange(0, 1)], ids);
        Assert.Equal(1, ids.Count);
    }

    [Fact]
    public void The_longest_of_two_control_tokens_that_begin_alike_wins()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", [], ["<a>", "<a><b>"]));
        Assert.Equal("<a><b>", TokenizerSamples.Texts(tokenizer, "<a><b>", parseSpecial: true));
    }

    [Fact]
    public void Of_special_tokens_with_the_same_text_the_first_that_may_stand_there_is_taken()
    {
        var bytes = Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).Append("<x>"u8.ToArray()).Append("<x>"u8.ToArray()).Append("<x>>"u8.ToArray()).ToArray();
        var vocabulary = new Vocabulary.Builder(bytes.Length);
        for (var id = 0; id < bytes.Length; id++)
        {
            vocabulary.Add(bytes[id], id is 256 or 258 ? TokenType.Control : id == 257 ? TokenType.UserDefined : TokenType.Normal);
        }

        var specials = new SpecialTokens(vocabulary.Build());
        Assert.True(specials.TryFind("a<x>>"u8, 0, default, out var at, out var untrusted));
        Assert.Equal((1, 257), (at, untrusted));
        Assert.True(specials.TryFind("a<x>>"u8, 0, [new TrustedRange(1, 3)], out _, out var partly));
        Assert.Equal(256, partly);
        Assert.True(specials.TryFind("a<x>>"u8, 0, [new TrustedRange(0, 5)], out _, out var trusted));
        Assert.Equal(258, trusted);
    }

    [Fact]
    public void Begin_of_text_is_added_once()
    {
        var writer = TokenizerSamples.Gpt2("gpt-2", [], ["<s>"]).Add("tokenizer.ggml.bos_token_id", 256u).Add("tokenizer.ggml.add_bos_token", true);
        var tokenizer = TokenizerSamples.Load(writer);
        foreach (var text in new[] { "<s>a", "a" })
        {
            var ids = new TokenBuffer();
            tokenizer.EncodePrompt(Encoding.UTF8.GetBytes(text), [new TrustedRange(0, text.Length)], ids);
            Assert.Equal([256, 'a'], ids.Span.ToArray());
        }
    }

    [Fact]
    public void Any_text_comes_back_from_its_tokens_byte_for_byte()
    {
        var random = new Random(TestSeed.Next(output));
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("qwen2", [.. Merges, "Ã ©", "Ċ Ċ"], ["<|im_end|>"]));
        for (var i = 0; i < 2000; i++)
        {
            var text = new string(Enumerable.Range(0, random.Next(40)).Select(_ => Letters[random.Next(Letters.Length)]).ToArray());
            var ids = TokenizerSamples.Encode(tokenizer, text);
            Assert.Equal(text, Encoding.UTF8.GetString(tokenizer.Decode(ids)));
        }
    }

    [Fact]
    public void A_hundred_kilobytes_of_one_letter_is_encoded_in_reasonable_work()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", ["a a", "aa aa", "aaaa aaaa"], []));
        Assert.Equal((1 << 17) / 8, TokenizerSamples.Encode(tokenizer, new string('a', 1 << 17)).Length);
    }

    [Fact]
    public void Encoding_again_into_the_same_buffer_allocates_nothing()
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("qwen2", Merges, ["<|im_end|>"]));
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("hello world, don't 123\n", 50)));
        var ids = new TokenBuffer();
        var allocated = Allocation.LeastOf(() =>
        {
            for (var i = 0; i < 10; i++)
            {
                ids.Clear();
                tokenizer.Encode(text, parseSpecial: true, ids);
            }
        });

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Every_token_after_which_nothing_follows_is_known()
    {
        var writer = TokenizerSamples.Gpt2("gpt-2", [], ["<|endoftext|>", "<|im_end|>", "<x>"]).Add("tokenizer.ggml.eos_token_id", 258u);
        var tokenizer = TokenizerSamples.Load(writer);
        Assert.Equal([256, 257, 258], Enumerable.Range(0, 259).Where(tokenizer.EndsGeneration));
    }

    [Theory]
    [InlineData("tokenizer.ggml.model", "wordpiece")]
    [InlineData("tokenizer.ggml.pre", "viking")]
    public void A_kind_that_is_not_built_is_refused_by_name(string key, string value)
    {
        var writer = new GgufWriter().Add("tokenizer.ggml.tokens", ["a"]);
        _ = key == "tokenizer.ggml.model" ? writer.Add(key, value) : writer.Add("tokenizer.ggml.model", "gpt2").Add(key, value);
        var error = Assert.Throws<GgufException>(() => TokenizerSamples.Load(writer));
        Assert.Equal(key, error.Field);
        Assert.Contains(value, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merge_of_tokens_that_do_not_exist_is_refused()
    {
        var writer = TokenizerSamples.Gpt2("gpt-2", ["a b"], []);
        var tokenizer = TokenizerSamples.Load(writer);
        Assert.Equal(257, tokenizer.Vocabulary.Count);
        var wrong = new GgufWriter().Add("tokenizer.ggml.model", "gpt2").Add("tokenizer.ggml.tokens", ["a", "b"]).Add("tokenizer.ggml.merges", ["a b"]);
        Assert.Equal("tokenizer.ggml.merges", Assert.Throws<GgufException>(() => TokenizerSamples.Load(wrong)).Field);
    }
}
