using System.Text;
using System.Text.RegularExpressions;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Regexes;

namespace Jesus.Inference.Tests.Engine.Constraints;

public sealed class RegexTests
{
    private static readonly string[] Atoms = ["a", "b", "ab", ".", "[ab]", "[^a]", "\\d", "\\w", "c", "ü", "[a-cü]", "\\.", "\\x61", "(?:)", "[\\d-]", "\\u00fc"];

    /// <summary>Each seed makes an expression and texts that nearly match; the base library's own matcher says which do.</summary>
    [Fact]
    public void Random_expressions_match_what_the_base_librarys_matcher_matches()
    {
        for (var seed = 1; seed <= 400; seed++)
        {
            var random = new Random(seed);
            var pattern = Random(random, 3);
            var theirs = Theirs($"^(?:{pattern})\\z");
            var found = Theirs(pattern);
            var whole = RegexCompiler.Whole(pattern, out var problem);
            var anywhere = RegexCompiler.Found(pattern, out _);
            Assert.True(whole is not null && anywhere is not null, $"seed {seed}: {pattern} {problem}");
            for (var i = 0; i < 15; i++)
            {
                var text = string.Concat(Enumerable.Range(0, random.Next(7)).Select(_ => "aabbc1.ü-"[random.Next(9)]));
                Assert.True(theirs.IsMatch(text) == whole.Matches(Encoding.UTF8.GetBytes(text)), $"seed {seed}: {pattern} on '{text}'");
                Assert.True(found.IsMatch(text) == anywhere.Matches(Encoding.UTF8.GetBytes(text)), $"seed {seed}: {pattern} in '{text}'");
            }
        }
    }

    [Fact]
    public void Every_finished_answer_matches_its_expression()
    {
        var compiler = new ConstraintCompiler(VocabularyIndex.Build(TestVocabulary.Small(new Random(5))));
        var finished = 0;
        for (var seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            var pattern = Random(random, 3);
            if (!compiler.TryCompile(new OutputConstraint { Kind = ConstraintKind.Regex, Source = Picking.Slice(pattern) }, default, out var compiled, out var error))
            {
                Assert.Contains("matches no text", error.Message, StringComparison.Ordinal);
                continue;
            }

            if (Picking.Answer(compiled, random, 60) is { } answer)
            {
                finished++;

                // The base library counts a character beyond U+FFFF as two.
                answer = string.Concat(answer.EnumerateRunes().Select(rune => rune.Value > 0xFFFF ? "é" : rune.ToString()));
                Assert.True(Theirs($"^(?:{pattern})\\z").IsMatch(answer), $"seed {seed}: '{answer}' does not match {pattern}");
            }
        }

        Assert.True(finished > 200, $"only {finished} answers were finished");
    }

    [Theory]
    [InlineData("[A-Z]{2}\\d{3}", "AB123", "AB12")]
    [InlineData("(yes|no)", "no", "maybe")]
    [InlineData("^a+?b*$", "aab", "b")]
    [InlineData("\\p{Lu}\\p{Ll}+", "Ölung", "ölung")]
    [InlineData("[^\\p{L}]+", "12 🙂", "1a")]
    [InlineData("(?<year>\\d{4})-(?P<m>\\d\\d)", "2026-11", "26-11")]
    [InlineData("a{2}", "aa", "aaa")]
    [InlineData("a{,2}", "a{,2}", "aa")]
    [InlineData("\\$\\{x\\}", "${x}", "x")]
    [InlineData("[\\]\\-^]", "]", "\\")]
    [InlineData("\\u{1F642}|\\ud83d\\ude00", "😀", "x")]
    [InlineData(".*", "anything \t", "two\nlines")]
    public void An_expression_means_what_it_says(string pattern, string good, string bad)
    {
        var texts = RegexCompiler.Whole(pattern, out var problem);
        Assert.True(texts is not null, problem);
        Assert.True(texts.Matches(Encoding.UTF8.GetBytes(good)));
        Assert.False(texts.Matches(Encoding.UTF8.GetBytes(bad)));
    }

    [Theory]
    [InlineData("(a)\\1", "refers back")]
    [InlineData("a(?=b)", "looks ahead")]
    [InlineData("(?<!a)b", "looks back")]
    [InlineData("(?>a)", "atomic")]
    [InlineData("a++", "possessive")]
    [InlineData("(?i)a", "options")]
    [InlineData("\\bword\\b", "\\b")]
    [InlineData("a**", "repetition")]
    [InlineData("*a", "repeats nothing")]
    [InlineData("(a", "closes")]
    [InlineData("a)", "opens")]
    [InlineData("[a", "closes")]
    [InlineData("[b-a]", "backwards")]
    [InlineData("a\\", "backslash")]
    [InlineData("\\q", "\\q")]
    [InlineData("a^b", "'^'")]
    [InlineData("a{3,2}", "3 to 2")]
    [InlineData("[[:alpha:]]", "POSIX")]
    [InlineData("\\p{Greek}", "Greek")]
    [InlineData("\\ud800", "surrogate")]
    [InlineData("[^\\s\\S]", "matches no text")]
    public void What_no_automaton_follows_is_refused_by_name(string pattern, string name)
    {
        var error = Picking.Refusal(new OutputConstraint { Kind = ConstraintKind.Regex, Source = Picking.Slice(pattern) });
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.Contains("regular expression", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(a{1,1000}){1,1000}")]
    [InlineData("(?:(?:a{100}){100}){100}")]
    [InlineData("(a|b)*a(a|b){30}")]
    [InlineData(".{0,60000}")]
    [InlineData("((((((((((a*)*)*)*)*)*)*)*)*)*){0,5000}b{0,50000}")]
    public void An_expression_that_grows_without_measure_is_refused_within_the_limits(string pattern)
    {
        Assert.Contains("states", Picking.Refusal(new OutputConstraint { Kind = ConstraintKind.Regex, Source = Picking.Slice(pattern) }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_and_long_expressions_are_refused_and_never_overflow()
    {
        Assert.Contains("deeper", Refusal(new string('(', 5000) + new string(')', 5000)), StringComparison.Ordinal);
        Assert.Contains("characters", Refusal(new string('a', 100_000)), StringComparison.Ordinal);
        Assert.Contains("closes", Refusal(new string('[', 3000)), StringComparison.Ordinal);

        static string Refusal(string pattern) => Picking.Refusal(new OutputConstraint { Kind = ConstraintKind.Regex, Source = Picking.Slice(pattern) }).Message;
    }

    [Fact]
    public void Random_text_as_an_expression_never_throws()
    {
        const string Pieces = "ab()[]{}|*+?.^$\\-,0159dwsSpPuLx:<>=!ün";
        for (var seed = 0; seed < 4000; seed++)
        {
            var random = new Random(seed);
            var pattern = string.Concat(Enumerable.Range(0, random.Next(14)).Select(_ => Pieces[random.Next(Pieces.Length)]));
            var texts = RegexCompiler.Found(pattern, out var problem);
            Assert.True(texts is null == problem.Length > 0, $"seed {seed}: {pattern}: {problem}");
        }
    }

    [Fact]
    public void Sets_of_texts_are_cut_and_turned_over()
    {
        var digits = RegexCompiler.Whole("[0-9]*", out _)!;
        var two = DfaSets.WithLength(digits, 2, 2)!;
        Assert.True(two.Matches("42"u8));
        Assert.False(two.Matches("4"u8) || two.Matches("421"u8));
        var others = DfaSets.Complement(digits)!;
        Assert.True(others.Matches("4a"u8) && others.Matches("ü"u8));
        Assert.False(others.Matches("42"u8) || others.Matches([0xC3]));
        Assert.True(DfaSets.Intersect(digits, others)!.IsEmpty);
        Assert.True(DfaSets.Union(digits, RegexCompiler.Whole("x", out _)!)!.Matches("x"u8));
    }

    /// <summary>Without backtracking, which takes for ever on some of these; its words are all of Unicode's, ECMA-262's are ASCII.</summary>
    private static Regex Theirs(string pattern) =>
        new(pattern.Replace("\\w", "[0-9A-Za-z_]", StringComparison.Ordinal), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static string Random(Random random, int depth)
    {
        if (depth == 0 || random.Next(4) == 0)
        {
            return Atoms[random.Next(Atoms.Length)];
        }

        return random.Next(4) switch
        {
            0 => $"(?:{Random(random, depth - 1)}|{Random(random, depth - 1)})",
            1 => $"(?:{Random(random, depth - 1)}){(string[])["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"] switch { var all => all[random.Next(all.Length)] }}",
            _ => Random(random, depth - 1) + Random(random, depth - 1),
        };
    }
}
