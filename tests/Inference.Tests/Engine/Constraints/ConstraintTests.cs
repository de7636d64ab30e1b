using System.Diagnostics;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;

namespace Jesus.Inference.Tests.Engine.Constraints;

public sealed class ConstraintTests
{
    private const string Severity = """
        {"type":"object","properties":{"severity":{"enum":["warning","error"]},"component":{"type":"string","x-span-of":"prompt"}},
         "required":["severity","component"],"additionalProperties":false}
        """;

    [Theory]
    [InlineData("""{"severity":"error","component":"web"}""", true)]
    [InlineData("""{"severity":"error","component":""}""", true)]
    [InlineData("""{"severity":"error","component":"we "}""", false)]
    [InlineData("""{"severity":"fatal","component":"web"}""", false)]
    [InlineData("""{"component":"web","severity":"error"}""", false)]
    [InlineData("""{"severity":"error"}""", false)]
    [InlineData("""{"severity": "error","component":"web"}""", false)]
    [InlineData("""{"severity":"error","component":"say \"hi\"\\"}""", true)]
    [InlineData("""{"severity":"error","component":"say "}""", true)]
    public void An_extraction_may_say_only_what_the_prompt_says(string answer, bool allowed)
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Picking.Schema(Severity), "web-3: say \"hi\"\\");
        Assert.Equal(allowed, Accepts(compiled, answer));
    }

    [Theory]
    [InlineData("gr", true)]
    [InlineData("grü", true)]
    [InlineData("ü", true)]
    [InlineData("🙂", true)]
    [InlineData("grue", false)]
    [InlineData("\\n", true)]
    [InlineData("\\u001b[", true)]
    [InlineData("\\u001B[", false)]
    [InlineData("\\u000a", false)]
    [InlineData("\\t", false)]
    [InlineData("ße\\n🙂", true)]
    public void A_span_takes_whole_characters_and_one_form_of_escape(string inside, bool allowed)
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Picking.Schema("""{"type":"string","x-span-of":"line"}""", ("line", "größe\n🙂 grün\u001b[0m")));
        Assert.Equal(allowed, Accepts(compiled, $"\"{inside}\""));
    }

    [Fact]
    public void Half_a_character_can_neither_begin_nor_end_a_span()
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Picking.Schema("""{"x-span-of":"prompt"}"""), "ü");
        Assert.False(AcceptsBytes(compiled, [(byte)'"', 0xC3, (byte)'"']));
        Assert.False(AcceptsBytes(compiled, [(byte)'"', 0xBC, (byte)'"']));
    }

    [Theory]
    [InlineData("""{"type":"integer","minimum":-3,"maximum":12}""", "12", "13")]
    [InlineData("""{"type":"integer","minimum":-3,"maximum":12}""", "-3", "-4")]
    [InlineData("""{"type":"integer","minimum":-3,"maximum":12}""", "0", "-0")]
    [InlineData("""{"type":"integer","exclusiveMinimum":9.5}""", "10", "9")]
    [InlineData("""{"type":"number","minimum":0,"maximum":1}""", "0.75", "1.01")]
    [InlineData("""{"type":"number","minimum":0,"exclusiveMaximum":1}""", "0.999", "1.0")]
    [InlineData("""{"type":"number","exclusiveMinimum":0.25}""", "0.2500001", "0.250")]
    [InlineData("""{"type":"number","maximum":-2.5}""", "-2.50", "-2.49")]
    [InlineData("""{"type":"number"}""", "-12.5e-3", "01")]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"äöü\"", "\"a\"")]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"\\n\\u0041x\"", "\"abcd\"")]
    [InlineData("""{"type":"string"}""", "\"\\ud7ff\"", "\"\\ud800\"")]
    [InlineData("""{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":2}""", "[true,false]", "[]")]
    [InlineData("""{"type":"array","items":{"type":"boolean"},"maxItems":2}""", "[]", "[true,true,true]")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"null"},"b":{"const":1}},"required":["b"]}""", """{"b":1}""", """{"a":null}""")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"null"},"b":{"const":1}}}""", "{}", """{"b":1,"a":null}""")]
    [InlineData("""{"type":"object","additionalProperties":{"type":"integer"},"maxProperties":1}""", """{"x":1}""", """{"x":1,"y":2}""")]
    [InlineData("""{"anyOf":[{"type":"string","maxLength":1},{"type":"string","maxLength":9}]}""", "\"abcdefghi\"", "\"abcdefghij\"")]
    [InlineData("true", """{"any":[1,"x",{"y":null}]}""", """{"any":}""")]
    public void A_keyword_is_enforced(string schema, string good, string bad)
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Picking.Schema(schema));
        Assert.True(Accepts(compiled, good), good);
        Assert.False(Accepts(compiled, bad), bad);
    }

    [Fact]
    public void Any_object_means_an_object_and_nothing_else()
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), new OutputConstraint { Kind = ConstraintKind.JsonObject });
        Assert.True(Accepts(compiled, """{"a":{"b":[{}]}}"""));
        Assert.False(Accepts(compiled, "[1]"));
    }

    [Fact]
    public void A_recursive_schema_nests_up_to_the_depth_limit_and_still_closes()
    {
        const string List = """{"type":"object","properties":{"next":{"$ref":"#"}}}""";
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Picking.Schema(List));
        Assert.True(Accepts(compiled, Nested(ConstraintLimits.DepthMax)));
        Assert.False(Accepts(compiled, Nested(ConstraintLimits.DepthMax + 1)));

        static string Nested(int depth) => string.Concat(Enumerable.Repeat("{\"next\":", depth)) + "{}" + new string('}', depth);
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"string","pattern":"(x)\\1"}}}""", "#/properties/a", "refers back")]
    [InlineData("""{"type":"string","pattern":"(?=a)b"}""", "#", "looks ahead")]
    [InlineData("""{"type":"string","pattern":"a(^b)+"}""", "#", "'^'")]
    [InlineData("""{"type":"string","pattern":"[z-a]"}""", "#", "backwards")]
    [InlineData("""{"type":"string","pattern":"(a{1,1000}){1,1000}"}""", "#", "states")]
    [InlineData("""{"type":"string","format":"idn-email"}""", "#", "date-time")]
    [InlineData("""{"type":"array","items":{"type":"integer","multipleOf":0}}""", "#/items", "'multipleOf'")]
    [InlineData("""{"type":"object","not":{"type":"null"}}""", "#", "'not'")]
    [InlineData("""{"type":"array","items":[{"type":"null"}]}""", "#", "'prefixItems'")]
    [InlineData("""{"additionalProperties":{"type":"null"},"minProperties":2}""", "#", "'minProperties'")]
    [InlineData("""{"properties":{"a":true},"minProperties":2}""", "#", "'minProperties'")]
    [InlineData("""{"x-span-of":"prompt","pattern":"a"}""", "#", "'x-span-of'")]
    [InlineData("""{"allOf":[{"type":"string"},{"type":"object","if":true}]}""", "#/allOf/1", "'if'")]
    [InlineData("""{"patternProperties":{"(":{}}}""", "#/patternProperties/(", "nothing closes")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "#", "'uniqueItems'")]
    [InlineData("""{"type":"object","properties":{"a~b/c":{"type":"text"}}}""", "#/properties/a~0b~1c", "\"text\"")]
    [InlineData("""{"type":"object","properties":{"a":{}},"required":["b"]}""", "#", "\"b\"")]
    [InlineData("""{"type":"integer","minLength":2}""", "#", "'minLength'")]
    [InlineData("""{"$ref":"https://example.com/schema"}""", "#", "example.com")]
    [InlineData("""{"$ref":"#/$defs/missing"}""", "#", "missing")]
    [InlineData("""{"oneOf":[{"type":"number"},{"type":"integer"}]}""", "#", "'oneOf'")]
    [InlineData("""{"type":"string","minLength":5,"maxLength":4}""", "#", "'minLength'")]
    [InlineData("""{"type":"integer","minimum":0.2,"maximum":0.8}""", "#", "no number")]
    [InlineData("""{"type":"string","enum":[1,2]}""", "#", "'enum'")]
    [InlineData("""{"anyOf":[{"type":"string"},{"type":"object","dependentRequired":{}}]}""", "#/anyOf/1", "'dependentRequired'")]
    [InlineData("""{"x-span-of":"nothing"}""", "nothing", "'prompt'")]
    [InlineData("""{"x-span-of":"prompt","minLength":4}""", "prompt", "'minLength'")]
    [InlineData("""{"type":"object","properties":{"self":{"$ref":"#"}},"required":["self"]}""", "deep", "optional")]
    [InlineData("""{"$ref":"#"}""", "'$ref'", "itself")]
    [InlineData("""{"anyOf":[{"$ref":"#"},{"type":"null"}]}""", "'$ref'", "itself")]
    [InlineData("""{"type":"object",}""", "not valid JSON", "")]
    [InlineData("""{"const":"\ud800"}""", "not valid JSON", "")]
    public void What_cannot_be_enforced_is_refused_by_place_and_name(string schema, string place, string name)
    {
        var error = Picking.Refusal(Picking.Schema(schema), "abc");
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.Equal("response_format", error.Param);
    }

    [Fact]
    public void A_schema_with_too_many_states_is_refused()
    {
        var values = string.Join(',', Enumerable.Range(0, 9000).Select(i => $"\"{i * 7919L} value\""));
        Assert.Contains("states", Picking.Refusal(Picking.Schema($"{{\"enum\":[{values}]}}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_and_deep_schemas_are_refused_or_followed_but_never_overflow()
    {
        var text = new string('a', 50_000);
        using var compiled = Picking.Compile(TestVocabulary.Bytes(), Picking.Schema($$"""{"enum":["{{text}}x","{{text}}y","{{text}}"]}"""));
        Assert.True(Accepts(compiled, $"\"{text}y\""));
        Assert.False(Accepts(compiled, $"\"{text}z\""));
        var chain = string.Join(',', Enumerable.Range(0, 8000).Select(i => $$"""
            "{{i}}":{"$ref":"#/$defs/{{i + 1}}"}
            """));
        Assert.Contains("nested", Picking.Refusal(Picking.Schema("{\"$ref\":\"#/$defs/0\",\"$defs\":{" + chain + ",\"8000\":{}}}")).Message, StringComparison.Ordinal);
        var deep = string.Concat(Enumerable.Repeat("""{"type":"array","items":""", 120)) + "true" + new string('}', 120);
        Assert.Contains("deep", Picking.Refusal(Picking.Schema(deep.Replace("array\",", "array\",\"minItems\":1,", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
        var wide = string.Join(',', Enumerable.Range(0, 600).Select(i => $"\"p{i}\":true"));
        Assert.Contains("600 properties", Picking.Refusal(Picking.Schema("{\"properties\":{" + wide + "}}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_changes_of_a_schema_never_throw()
    {
        const string Pieces = "{}[]\":,0-9.eatrufl$#/minxsp";
        for (var seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var schemas = new RandomSchemas(random);
            var schema = new StringBuilder(schemas.Next());
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                var at = random.Next(schema.Length);
                _ = random.Next(2) == 0 ? schema.Remove(at, 1) : schema.Insert(at, Pieces[random.Next(Pieces.Length)]);
            }

            var compiler = new ConstraintCompiler(VocabularyIndex.Build(new TestVocabulary()));
            if (compiler.TryCompile(Picking.Schema(schema.ToString()), default, out var compiled, out var error))
            {
                compiled.Dispose();
            }
            else
            {
                Assert.NotEmpty(error.Message);
            }
        }
    }

    [Fact]
    public void A_refused_token_changes_nothing()
    {
        using var compiled = Picking.Compile(TestVocabulary.Bytes("true", "trux"), Picking.Schema("""{"type":"boolean"}"""));
        var state = new ConstraintState();
        state.Begin(compiled);
        Assert.False(state.Advance(257));
        Assert.False(state.Advance(258));
        Assert.False(state.IsComplete);
        Assert.True(state.Advance(256));
        Assert.True(state.IsComplete);
        Assert.True(state.IsFinished);
        Assert.True(state.Advance(258));
    }

    [Fact]
    public void The_end_token_is_allowed_exactly_where_the_answer_may_end()
    {
        var vocabulary = TestVocabulary.Bytes();
        using var compiled = Picking.Compile(vocabulary, Picking.Schema("""{"type":"integer","minimum":10}"""));
        var state = new ConstraintState();
        state.Begin(compiled);
        var mask = new ulong[compiled.Vocabulary.MaskWords];
        Assert.Equal(9, state.FillMask(mask));
        Assert.True(state.Advance('7'));
        Assert.Equal(10, state.FillMask(mask));
        Assert.True(state.Advance('0'));
        Assert.Equal(11, state.FillMask(mask));
        Assert.True((mask[vocabulary.End >> 6] >> (vocabulary.End & 63) & 1) != 0);
    }

    [Fact]
    public void A_vocabulary_that_cannot_spell_the_answer_allows_nothing()
    {
        var vocabulary = new TestVocabulary();
        vocabulary.Add("x"u8.ToArray());
        using var compiled = Picking.Compile(vocabulary, Picking.Schema("""{"type":"boolean"}"""));
        var state = new ConstraintState();
        state.Begin(compiled);
        Assert.Equal(0, state.FillMask(new ulong[1]));
    }

    [Fact]
    public void The_same_schema_serves_other_inputs_without_their_spans()
    {
        var compiler = new ConstraintCompiler(VocabularyIndex.Build(TestVocabulary.Bytes()));
        var constraint = Picking.Schema("""{"x-span-of":"prompt"}""");
        Assert.True(compiler.TryCompile(constraint, Picking.Slice("abc"), out var first, out _));
        Assert.True(compiler.TryCompile(constraint, Picking.Slice("xyz"), out var second, out _));
        Assert.True(Accepts(first, "\"bc\""));
        Assert.False(Accepts(second, "\"bc\""));
        Assert.True(Accepts(second, "\"xyz\""));
        first.Dispose();
        second.Dispose();
    }

    [Fact]
    public void A_mask_allows_a_token_exactly_when_advancing_takes_it()
    {
        const int Seed = 77;
        var random = new Random(Seed);
        var vocabulary = TestVocabulary.Random(random, 300);
        var schemas = new RandomSchemas(random);
        var compiler = new ConstraintCompiler(VocabularyIndex.Build(vocabulary));
        for (var i = 0; i < 25; i++)
        {
            var inputs = schemas.Inputs.Select(input => (input.Key, input.Value)).ToArray();
            if (compiler.TryCompile(Picking.Schema(schemas.Next(), inputs), default, out var compiled, out _))
            {
                using (compiled)
                {
                    CompareMasks(compiled, random);
                }
            }
        }
    }

    [Fact]
    public void A_long_input_and_a_large_vocabulary_stay_within_the_limits()
    {
        const int Seed = 5;
        var random = new Random(Seed);
        var text = new StringBuilder();
        while (text.Length < 64 * 1024)
        {
            text.Append("web-").Append(random.Next(9999)).Append(" sshd: \"failed\" für ").Append((char)random.Next('a', 'z'));
        }

        using var compiled = Picking.Compile(TestVocabulary.Random(random, 2000), Picking.Schema("""{"type":"array","items":{"x-span-of":"prompt"}}"""), text.ToString());
        var clock = Stopwatch.StartNew();
        Assert.NotNull(Picking.Answer(compiled, random));
        TestContext.Current.SendDiagnosticMessage($"64 KB input: {clock.Elapsed.TotalMilliseconds:F0} ms for one answer");
    }

    [Theory]
    [InlineData(ConstraintKind.Regex, "[^\"]*\"[a-z]{0,5}ü+.*")]
    [InlineData(ConstraintKind.Regex, "(?:.{3,40}|\\d+)-")]
    [InlineData(ConstraintKind.Grammar, "root ::= ([^x]* \"x\")+ tail?\ntail ::= \"(\" (tail | [ab]*) \")\"")]
    [InlineData(ConstraintKind.JsonSchema, """{"type":"string","pattern":"^a.*e","maxLength":9}""")]
    [InlineData(ConstraintKind.JsonSchema, """{"additionalProperties":{"maxLength":3,"type":"string"},"patternProperties":{"^n":{"format":"date"}}}""")]
    public void A_mask_of_a_pattern_or_a_grammar_allows_exactly_what_advancing_takes(ConstraintKind kind, string source)
    {
        const int Seed = 78;
        var random = new Random(Seed);
        using var compiled = Picking.Compile(TestVocabulary.Random(random, 400), new OutputConstraint { Kind = kind, Source = Picking.Slice(source) });
        for (var i = 0; i < 10; i++)
        {
            CompareMasks(compiled, random);
        }
    }

    [Fact]
    public async Task A_mask_made_on_another_thread_is_the_one_that_would_be_made_here()
    {
        const int Seed = 79;
        var random = new Random(Seed);
        var schema = Picking.Schema("""{"type":"object","properties":{"a":{"type":"string"},"b":{"x-span-of":"prompt"}}}""");
        using var compiled = Picking.Compile(TestVocabulary.Random(random, 400), schema, "grüße web");
        var (here, there) = (new ConstraintState(), new ConstraintState());
        var (one, other) = (new ulong[compiled.Vocabulary.MaskWords], new ulong[compiled.Vocabulary.MaskWords]);
        for (var round = 0; round < 200; round++)
        {
            here.Begin(compiled);
            there.Begin(compiled);
            for (var step = 0; step < 12 && !here.IsFinished; step++)
            {
                there.Prepare();
                if (random.Next(4) == 0)
                {
                    await Task.Yield();
                }

                if (random.Next(5) > 0)
                {
                    here.FillMask(one);
                    there.FillMask(other);
                    Assert.Equal(one, other);
                }

                var token = Enumerable.Range(0, compiled.Vocabulary.Count).Where(id => (one[id >> 6] >> (id & 63) & 1) != 0).OrderBy(_ => random.Next()).First();
                Assert.Equal(here.Advance(token), there.Advance(token));
            }
        }

        here.Reset();
        there.Reset();
    }

    private static void CompareMasks(CompiledConstraint compiled, Random random)
    {
        var state = new ConstraintState();
        var prefix = new List<int>();
        var mask = new ulong[compiled.Vocabulary.MaskWords];
        for (var step = 0; step < 12; step++)
        {
            Replay(state, compiled, prefix);
            state.FillMask(mask);
            var allowed = new List<int>();
            for (var token = 0; token < compiled.Vocabulary.Count; token++)
            {
                Replay(state, compiled, prefix);
                var taken = state.Advance(token);
                Assert.Equal((mask[token >> 6] >> (token & 63) & 1) != 0, taken);
                if (taken && compiled.Vocabulary.RoleOf(token) == TokenRole.Text)
                {
                    allowed.Add(token);
                }
            }

            if (allowed.Count == 0)
            {
                return;
            }

            prefix.Add(allowed[random.Next(allowed.Count)]);
        }
    }

    private static void Replay(ConstraintState state, CompiledConstraint compiled, List<int> prefix)
    {
        state.Begin(compiled);
        foreach (var token in prefix)
        {
            Assert.True(state.Advance(token));
        }
    }

    private static bool Accepts(CompiledConstraint compiled, string answer) => AcceptsBytes(compiled, Encoding.UTF8.GetBytes(answer));

    private static bool AcceptsBytes(CompiledConstraint compiled, byte[] answer)
    {
        var state = new ConstraintState();
        state.Begin(compiled);
        return answer.All(value => state.Advance(value)) && state.IsComplete;
    }
}
