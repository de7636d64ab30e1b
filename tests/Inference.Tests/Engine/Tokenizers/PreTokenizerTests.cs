using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

/// <summary>The hand-written splitters against .NET's regular expressions of the published patterns, on random text.</summary>
public sealed class PreTokenizerTests(ITestOutputHelper output)
{
    private const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Contractions = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
    private const string Qwen2Pattern = $@"(?:{Contractions})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Llama3Pattern = $@"(?:{Contractions})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly string[] Snippets =
    [
        " ", "  ", "\t", "\n", "\r\n", "\n\n ", "\u00a0", "\u2028", "\u0085", "'s", "'RE", "'ll", "'", "don't", "a", "Zß", "é", "語", "한국어", "1", "23", "4567", "²", "Ⅷ", "٣",
        "!", "...", "$", "\u200b", "\u0301", "_", "-", "\0", "\u3000", "x y", "\n!", "! \n",
    ];

    [Fact]
    public void Gpt2_pieces_equal_the_published_pattern() => Compare(new Gpt2PreTokenizer(), Gpt2Pattern);

    [Fact]
    public void Qwen2_pieces_equal_the_published_pattern() => Compare(new Qwen2PreTokenizer(1), Qwen2Pattern);

    [Fact]
    public void Llama_bpe_pieces_equal_the_published_pattern() => Compare(new Qwen2PreTokenizer(3), Llama3Pattern);

    [Fact]
    public void Characters_outside_the_basic_plane_are_letters_numbers_or_neither_by_their_category()
    {
        Assert.Equal(["𝐀𝐁", " 😀😀", "𝟏𝟐", "!"], Pieces(new Gpt2PreTokenizer(), "𝐀𝐁 😀😀𝟏𝟐!"));
        Assert.Equal(["𝐀𝐁", " 😀😀", "𝟏", "𝟐", "!"], Pieces(new Qwen2PreTokenizer(1), "𝐀𝐁 😀😀𝟏𝟐!"));
    }

    [Fact]
    public void Texts_are_cut_as_an_independent_engine_cuts_them_by_the_published_patterns()
    {
        using var golden = new StreamReader(typeof(PreTokenizerTests).Assembly.GetManifestResourceStream("pieces-golden.txt")!);
        var lines = golden.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var splitters = lines[0].Split('\t').Select(name => PreTokenizers.Find(name, out _)!).ToArray();
        foreach (var line in lines.Skip(1))
        {
            var parts = line.Split('\t');
            var text = JsonSerializer.Deserialize<string>(parts[0])!;
            for (var i = 0; i < splitters.Length; i++)
            {
                var lengths = Pieces(splitters[i], text).Select(piece => piece.EnumerateRunes().Count());
                Assert.True(parts[i + 1] == string.Join(' ', lengths), $"{lines[0].Split('\t')[i]}, {parts[0]}: {string.Join(' ', lengths)}, not {parts[i + 1]}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Bytes_that_are_no_utf8_are_cut_into_pieces_that_cover_them_all(string name)
    {
        var random = new Random(TestSeed.Next(output));
        var splitter = PreTokenizers.Find(name, out _)!;
        var bytes = new byte[64];
        for (var i = 0; i < 2000; i++)
        {
            random.NextBytes(bytes);
            for (var at = 0; at < bytes.Length;)
            {
                var length = splitter.NextPiece(bytes.AsSpan(at));
                Assert.InRange(length, 1, bytes.Length - at);
                at += length;
            }
        }
    }

    /// <summary>A megabyte of what a pattern could search through again and again: each piece looks at a bounded stretch, or the test does not end.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void No_text_costs_more_than_its_length(string name)
    {
        var splitter = PreTokenizers.Find(name, out _)!;
        foreach (var unit in new[] { "1", "1 ", " ", "\n", "A", "語", "\u0301", "😀 ", "a1", "\t\t\u200b", "²", "²1", "\u200b" })
        {
            var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(unit, 200_000 / unit.Length))).AsSpan();
            while (!text.IsEmpty)
            {
                text = text[splitter.NextPiece(text)..];
            }
        }
    }

    public static TheoryData<string> Names => new("default", "falcon", "gpt-2", "starcoder", "llama-bpe", "qwen2", "qwen35", "gpt-4o", "tekken", "deepseek-llm", "deepseek-coder", "deepseek-v3");

    private void Compare(PreTokenizer splitter, string pattern)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var regex = new Regex(pattern, RegexOptions.CultureInvariant);
        for (var i = 0; i < 5_000; i++)
        {
            var text = RandomText(random);
            var expected = regex.Matches(text).Select(match => match.Value);
            var actual = Pieces(splitter, text);
            Assert.True(expected.SequenceEqual(actual), $"seed {seed}, text {i}: {Escape(text)}\nexpected {Escape(string.Join('|', expected))}\nactual   {Escape(string.Join('|', actual))}");
        }
    }

    private static List<string> Pieces(PreTokenizer splitter, string text)
    {
        var pieces = new List<string>();
        var utf8 = Encoding.UTF8.GetBytes(text).AsSpan();
        while (!utf8.IsEmpty)
        {
            var length = splitter.NextPiece(utf8);
            pieces.Add(Encoding.UTF8.GetString(utf8[..length]));
            utf8 = utf8[length..];
        }

        return pieces;
    }

    /// <summary>The basic plane without surrogates: .NET's patterns see a surrogate as a character of its own.</summary>
    private static string RandomText(Random random)
    {
        var text = new StringBuilder();
        var parts = random.Next(1, 12);
        for (var i = 0; i < parts; i++)
        {
            if (random.Next(4) == 0)
            {
                var code = random.Next(1, random.Next(2) == 0 ? 0x250 : 0xD800);
                text.Append((char)code);
            }
            else
            {
                text.Append(Snippets[random.Next(Snippets.Length)]);
            }
        }

        return text.ToString();
    }

    private static string Escape(string text) =>
        string.Concat(text.Select(c => c is > ' ' and < (char)127 ? c.ToString() : "\\u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture)));
}
