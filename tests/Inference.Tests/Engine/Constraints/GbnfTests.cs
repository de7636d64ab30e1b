using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;

namespace Jesus.Inference.Tests.Engine.Constraints;

public sealed class GbnfTests
{
    private const string Arithmetic = """
        # an expression
        root   ::= sum
        sum    ::= product (("+" | "-") product)*
        product ::= value (
            "*" value   # a factor
          | "/" value
        )*
        value  ::= [0-9]+ | "(" sum ")"
        """;

    private const string List = """
        root ::= item ("," ws item)*
        ws ::= | " " ws
        item ::= "\"" [^"\\\n]{1,8} "\"" | "n\x75ll" | "\u00fc"
        """;

    [Theory]
    [InlineData(Arithmetic, "1+2*(3-4)/5", "1+")]
    [InlineData(Arithmetic, "((((7))))", "((7)")]
    [InlineData(List, "null,   \"grüße\",ü", "null;")]
    [InlineData("root ::= \"a\"{2,3} \"b\"?", "aaab", "ab")]
    [InlineData("root ::= (\"a\"? \"b\"?)* \"c\"", "abbac", "abd")]
    [InlineData("root ::= x\nx ::= \"a\" x | \"\"", "aaaaaaaa", "b")]
    [InlineData("root ::= . \"!\"", "ü!", "!")]
    public void A_grammar_takes_what_it_says(string grammar, string good, string bad)
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Grammar(grammar));
        Assert.True(Accepts(compiled, good), good);
        Assert.False(Accepts(compiled, bad), bad);
    }

    [Fact]
    public void A_rule_that_ends_with_itself_goes_on_as_long_as_it_wants()
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Grammar("root ::= [a-z] root | \".\""));
        Assert.True(Accepts(compiled, new string('x', 5000) + "."));
    }

    [Theory]
    [InlineData("root ::= root \"a\" | \"a\"", "left-recursive")]
    [InlineData("root ::= x \"a\"\nx ::= y\ny ::= \"b\"? root", "left-recursive")]
    [InlineData("root ::= (\"x\"?)* root \"y\"", "left-recursive")]
    [InlineData("root ::= root", "itself")]
    [InlineData("root ::= \"a\" root", "nest")]
    [InlineData("start ::= \"a\"", "'root'")]
    [InlineData("root ::= missing", "'missing'")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"", "twice")]
    [InlineData("root ::= \"a", "line 1")]
    [InlineData("root ::= [a", "line 1")]
    [InlineData("root ::= (\"a\"", "not closed")]
    [InlineData("root ::= \"\\q\"", "escape")]
    [InlineData("root ::= <think>", "tokens")]
    [InlineData("root = \"a\"", "'::='")]
    [InlineData("root ::= \"a\"{3,2}", "{m,n}")]
    [InlineData("root ::= ((((\"a\"{1,900}){1,900}){1,900}){1,900})", "states")]
    [InlineData("", "'root'")]
    public void What_is_no_grammar_or_cannot_be_followed_is_refused_by_name(string grammar, string name)
    {
        var error = Picking.Refusal(Grammar(grammar));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.Contains("GBNF", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_grammars_end_within_the_limits()
    {
        // 2^40 ways that take nothing; a thousand rules inside one another; many optional parts in a row.
        using var empty = Picking.Compile(TestVocabulary.Bytes(), Grammar("root ::= " + string.Concat(Enumerable.Repeat("(\"a\"? | \"b\"?) ", 40)) + "\"c\""));
        Assert.True(Accepts(empty, "abac"));
        var chain = string.Join('\n', Enumerable.Range(0, 1000).Select(i => $"r{i} ::= r{i + 1} \"x\""));
        Assert.Contains("nest", Picking.Refusal(Grammar($"root ::= r0\n{chain}\nr1000 ::= \"y\"")).Message, StringComparison.Ordinal);
        Assert.Contains("optional", Picking.Refusal(Grammar("root ::= " + string.Concat(Enumerable.Repeat("\"a\"? ", 9000)))).Message, StringComparison.Ordinal);
        Assert.Contains("deeper", Picking.Refusal(Grammar("root ::= " + new string('(', 2000) + new string(')', 2000))).Message, StringComparison.Ordinal);
    }

    /// <summary>Each seed makes a grammar; texts that nearly match are judged by a recogniser that tries every way.</summary>
    [Fact]
    public void Random_grammars_take_exactly_what_a_plain_recogniser_takes()
    {
        var compiler = new ConstraintCompiler(VocabularyIndex.Build(TestVocabulary.Small(new Random(3))));
        var (judged, taken) = (0, 0);
        for (var seed = 1; seed <= 700; seed++)
        {
            var random = new Random(seed);
            var rules = new RandomGrammar(random);
            if (!compiler.TryCompile(Grammar(rules.Text), default, out var compiled, out _))
            {
                continue;
            }

            using (compiled)
            {
                for (var i = 0; i < 20; i++)
                {
                    var text = string.Concat(Enumerable.Range(0, random.Next(7)).Select(_ => "aabbc"[random.Next(5)]));
                    var expected = rules.Takes(text);
                    Assert.True(expected == Accepts(compiled, text), $"seed {seed}: '{text}' is {(expected ? "" : "not ")}of\n{rules.Text}");
                    (judged, taken) = (judged + 1, taken + (expected ? 1 : 0));
                }

                if (Picking.Answer(compiled, random, 40) is { } answer)
                {
                    Assert.True(rules.Takes(answer), $"seed {seed}: answer '{answer}' is not of\n{rules.Text}");
                }
            }
        }

        Assert.True(judged > 5000 && taken > 300, $"{judged} texts, {taken} taken");
    }

    [Fact]
    public void Random_text_as_a_grammar_never_throws()
    {
        const string Pieces = "root ::= \"ab\" [a-c]() |*+?{}12,.\n#\\x\"";
        for (var seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var text = "root ::= " + string.Concat(Enumerable.Range(0, random.Next(25)).Select(_ => Pieces[random.Next(Pieces.Length)]));
            var compiler = new ConstraintCompiler(VocabularyIndex.Build(new TestVocabulary()));
            if (compiler.TryCompile(Grammar(text), default, out var compiled, out var error))
            {
                compiled.Dispose();
            }
            else
            {
                Assert.NotEmpty(error.Message);
            }
        }
    }

    private static OutputConstraint Grammar(string text) => new() { Kind = ConstraintKind.Grammar, Source = Picking.Slice(text) };

    private static bool Accepts(CompiledConstraint compiled, string answer)
    {
        var state = new ConstraintState();
        state.Begin(compiled);
        foreach (var value in Encoding.UTF8.GetBytes(answer))
        {
            if (!state.Advance(TokenOf(compiled.Vocabulary, value)))
            {
                return false;
            }
        }

        return state.IsComplete;
    }

    private static int TokenOf(VocabularyIndex vocabulary, byte value)
    {
        for (var token = 0; token < vocabulary.Count; token++)
        {
            if (vocabulary.BytesOf(token) is [var only] && only == value)
            {
                return token;
            }
        }

        return vocabulary.Count - 1;
    }
}
