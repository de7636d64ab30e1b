using System.Text;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

/// <summary>
/// Random small vocabularies and random bytes: texts cut where no token reaches and kept by a cache give the tokens that the whole text gives by the plain
/// algorithms. Each text is encoded twice, so that the second time finds its parts kept.
/// </summary>
public sealed class SentencePiecePropertyTests(ITestOutputHelper output)
{
    private const int Vocabularies = 150;
    private const int TextsEach = 20;

    private static readonly string[] Snippets =
        [" ", "  ", "        ", "a", "b", "c", "ab", "ba", ".", ",", "\n", "\n\n", "\t", "é", "語", "中", "文", "😀", "\u2581", "\uFFFD", "<s>", "<x>", "</s>", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"];

    private static readonly byte[][] Broken = [[0xC3], [0xE8, 0xAA], [0x80], [0xFF], [0xF0, 0x9F, 0x98], [0xE0, 0x80], [0xC3, 0xA9, 0xA9]];

    [Fact]
    public void Pairs_by_score_equal_the_plain_algorithm_over_the_whole_text() => Compare((random, tokens) =>
    {
        var scores = tokens.Select(_ => random.Next(-12, 0) / 4f).ToArray();
        var score = Lookup(tokens, scores);
        return (File("llama", tokens, scores), text => Parts(text, score));

        static IEnumerable<string> Parts(byte[] text, Dictionary<string, double> score) => SentencePieceReference.Merge(
            SentencePieceReference.Characters(text), (left, right) => score.TryGetValue(left + right, out var value) ? -value : null);
    });

    [Fact]
    public void Listed_pairs_equal_the_plain_algorithm_between_line_ends() => Compare((random, tokens) =>
    {
        var known = Lookup(tokens, new float[tokens.Length]);
        var merges = new List<(string Left, string Right)>();
        foreach (var token in tokens)
        {
            var characters = SentencePieceReference.Characters(Encoding.Latin1.GetBytes(token));
            merges.AddRange(Enumerable.Range(1, characters.Count - 1).Select(at => (string.Concat(characters[..at]), string.Concat(characters[at..])))
                .Where(pair => known.ContainsKey(pair.Item1) && known.ContainsKey(pair.Item2)));
        }

        var listed = merges.Distinct().ToArray();
        random.Shuffle(listed);
        var ranks = listed.Select((pair, rank) => (pair, rank)).ToDictionary(item => item.pair, item => (double)item.rank);
        var file = File("gemma4", tokens, new float[tokens.Length]).Add("tokenizer.ggml.merges", [.. listed.Select(pair => Spelled(pair.Left).Concat(" "u8.ToArray()).Concat(Spelled(pair.Right)).ToArray())]);
        return (file, text => Lines(text).SelectMany(line => line[0] == '\n' && known.ContainsKey(line) ? [line] : SentencePieceReference.Merge(
            SentencePieceReference.Characters(Encoding.Latin1.GetBytes(line)), (left, right) => ranks.TryGetValue((left, right), out var rank) ? rank : null)));
    });

    [Fact]
    public void Unigrams_equal_the_plain_algorithm_over_the_whole_text() => Compare(
        (random, tokens) =>
        {
            var scores = tokens.Select(_ => random.Next(-60, -4) / 8f).ToArray();
            var score = Lookup(tokens, scores);
            return (File("t5", tokens, scores).Add("tokenizer.ggml.remove_extra_whitespaces", false),
                text => SentencePieceReference.BestCut(SentencePieceReference.Characters(text), part => score.TryGetValue(part, out var value) ? value : null, scores.Min() - 10));
        },
        normalises: true);

    /// <param name="make">From tokens in Latin-1 (for bytes) a file, and the parts that a text is cut into.</param>
    /// <param name="normalises">Bytes that are no UTF-8 are U+FFFD before the cut.</param>
    private void Compare(Func<Random, string[], (GgufWriter File, Func<byte[], IEnumerable<string>> Parts)> make, bool normalises = false)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        for (var round = 0; round < Vocabularies; round++)
        {
            var tokens = Enumerable.Range(0, random.Next(4, 40)).Select(_ => RandomToken(random)).Distinct().ToArray();
            var (file, parts) = make(random, tokens);
            var tokenizer = TokenizerSamples.Load(file);
            for (var i = 0; i < TextsEach; i++)
            {
                var text = RandomText(random);
                var read = normalises ? Encoding.UTF8.GetBytes(string.Concat(SentencePieceReference.Characters(text).Select(Decoded))) : text;
                var expected = read.Length == 0 ? [] : parts(read).SelectMany(part => Ids(part, tokens)).ToArray();
                foreach (var time in new[] { "first", "second" })
                {
                    var ids = new TokenBuffer();
                    tokenizer.Encode(text, default(ReadOnlySpan<TrustedRange>), ids);
                    Assert.True(expected.SequenceEqual(ids.Span.ToArray()), $"seed {seed}, vocabulary {round}, text {i} the {time} time: {Convert.ToHexString(text)}: "
                        + $"{string.Join(' ', ids.Span.ToArray())}, not {string.Join(' ', expected)}");
                }
            }
        }
    }

    /// <summary>Ids 0 to 2 are unknown and control tokens ("&lt;s&gt;" also stands in the texts), 3 to 258 the bytes, then the random ones.</summary>
    private static GgufWriter File(string model, string[] tokens, float[] scores)
    {
        var bytes = Enumerable.Range(0, 256).Select(value => Encoding.ASCII.GetBytes($"<0x{value:X2}>"));
        byte[][] all = ["<unk>"u8.ToArray(), "<s>"u8.ToArray(), "</s>"u8.ToArray(), .. bytes, .. tokens.Select(Spelled)];
        return new GgufWriter()
            .Add("tokenizer.ggml.model", model)
            .Add("tokenizer.ggml.add_space_prefix", false)
            .Add("tokenizer.ggml.tokens", all)
            .Add("tokenizer.ggml.scores", [.. Enumerable.Repeat(0f, 259), .. scores])
            .Add("tokenizer.ggml.token_type", [2, 3, 3, .. Enumerable.Repeat(6, 256), .. Enumerable.Repeat(1, tokens.Length)])
            .Add("tokenizer.ggml.unknown_token_id", 0u);
    }

    private static byte[] Spelled(string token) => Encoding.Latin1.GetBytes(token.Replace(" ", Latin1("\u2581"), StringComparison.Ordinal));

    private static IEnumerable<int> Ids(string part, string[] tokens) =>
        Array.IndexOf(tokens, part) is >= 0 and var at ? [259 + at] : part.Select(value => 3 + value);

    private static Dictionary<string, double> Lookup(string[] tokens, float[] scores) => tokens.Zip(scores).ToDictionary(pair => pair.First, pair => (double)pair.Second);

    private static IEnumerable<string> Lines(byte[] text)
    {
        var latin = Encoding.Latin1.GetString(text);
        for (var at = 0; at < latin.Length;)
        {
            var length = latin.Skip(at).TakeWhile(value => value == '\n' == (latin[at] == '\n')).Count();
            yield return latin.Substring(at, length);
            at += length;
        }
    }

    private static string Latin1(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>A character as SentencePiece's normalisation reads it: each byte that is no UTF-8 is U+FFFD.</summary>
    private static string Decoded(string character)
    {
        var bytes = Encoding.Latin1.GetBytes(character);
        return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : new string('\uFFFD', bytes.Length);
    }

    /// <summary>No token holds U+2581 itself: a file cannot tell it from a space.</summary>
    private static string RandomToken(Random random) =>
        string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => Latin1(Snippets[random.Next(Snippets.Length - 6)]) is var text && text == Latin1("\u2581") ? " " : text));

    private static byte[] RandomText(Random random) => [.. Enumerable.Range(0, random.Next(0, 14)).SelectMany(_ =>
        random.Next(12) == 0 ? Broken[random.Next(Broken.Length)] : Encoding.UTF8.GetBytes(Snippets[random.Next(Snippets.Length)]))];
}
