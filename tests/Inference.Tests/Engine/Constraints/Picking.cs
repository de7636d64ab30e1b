using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>A model that knows nothing: it takes any token that the mask allows.</summary>
internal static class Picking
{
    public static Utf8Slice Slice(string text) => new(Encoding.UTF8.GetBytes(text));

    public static OutputConstraint Schema(string schema, params (string Name, string Text)[] inputs)
    {
        var constraint = new OutputConstraint { Kind = ConstraintKind.JsonSchema, Source = Slice(schema) };
        foreach (var (name, text) in inputs)
        {
            constraint.Inputs.Add(new NamedInput(Slice(name), Slice(text)));
        }

        return constraint;
    }

    public static CompiledConstraint Compile(IVocabulary vocabulary, OutputConstraint constraint, string prompt = "")
    {
        var compiler = new ConstraintCompiler(VocabularyIndex.Build(vocabulary));
        Assert.True(compiler.TryCompile(constraint, Slice(prompt), out var compiled, out var error), error.Message);
        return compiled;
    }

    public static ModelError Refusal(OutputConstraint constraint, string prompt = "")
    {
        var compiler = new ConstraintCompiler(VocabularyIndex.Build(TestVocabulary.Bytes()));
        Assert.False(compiler.TryCompile(constraint, Slice(prompt), out _, out var error));
        return error;
    }

    /// <summary>Picks tokens until the end token; null when the limit of tokens came first.</summary>
    /// <param name="compiled">The constraint.</param>
    /// <param name="random">The picker.</param>
    /// <param name="tokensMax">Give up after this many.</param>
    /// <param name="endEagerness">How likely it is that the answer ends where it may.</param>
    /// <param name="what">For messages.</param>
    public static string? Answer(CompiledConstraint compiled, Random random, int tokensMax = 4000, double endEagerness = 0.5, string what = "")
    {
        var state = new ConstraintState();
        state.Begin(compiled);
        var mask = new ulong[compiled.Vocabulary.MaskWords];
        var bytes = new List<byte>();
        var allowed = new List<int>();
        for (var i = 0; i < tokensMax; i++)
        {
            Assert.True(state.FillMask(mask) > 0, $"{what}: nothing is allowed after: {Encoding.UTF8.GetString([.. bytes])}");
            if (state.IsComplete && random.NextDouble() < endEagerness)
            {
                return new UTF8Encoding(false, true).GetString([.. bytes]);
            }

            Fill(allowed, mask, compiled.Vocabulary, state.IsFinished);
            if (allowed.Count == 0)
            {
                Fill(allowed, mask, compiled.Vocabulary, withEnd: true);
            }

            var token = Choose(allowed, compiled.Vocabulary, random);
            Assert.True(state.Advance(token), $"an allowed token is refused after: {Encoding.UTF8.GetString([.. bytes])}");
            if (compiled.Vocabulary.RoleOf(token) == TokenRole.End)
            {
                return new UTF8Encoding(false, true).GetString([.. bytes]);
            }

            bytes.AddRange(compiled.Vocabulary.BytesOf(token));
        }

        return null;
    }

    private static void Fill(List<int> allowed, ulong[] mask, VocabularyIndex vocabulary, bool withEnd)
    {
        allowed.Clear();
        for (var token = 0; token < vocabulary.Count; token++)
        {
            if ((mask[token >> 6] >> (token & 63) & 1) != 0 && (withEnd || vocabulary.RoleOf(token) != TokenRole.End))
            {
                allowed.Add(token);
            }
        }
    }

    /// <summary>Mostly any; sometimes one that closes something, so that answers end.</summary>
    private static int Choose(List<int> allowed, VocabularyIndex vocabulary, Random random)
    {
        if (random.NextDouble() < 0.35)
        {
            foreach (var token in allowed)
            {
                if (vocabulary.BytesOf(token) is [(byte)'"' or (byte)'}' or (byte)']'])
                {
                    return token;
                }
            }
        }

        return allowed[random.Next(allowed.Count)];
    }
}
