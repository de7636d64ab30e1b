using System.Text.Json;
using Jesus.Inference.Engine.Constraints;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>Ten thousand schemas, each with a model that takes any token that it may. A failing seed is in the message and replays alone.</summary>
public sealed class RandomSchemaTests
{
    [Theory]
    [InlineData(1, 2500)]
    [InlineData(100_000, 2500)]
    public void Every_finished_answer_parses_and_validates(int firstSeed, int count) => RandomSchemaRun.Check(firstSeed, count);
}

/// <summary>The other half, which xunit runs beside the first.</summary>
public sealed class MoreRandomSchemaTests
{
    [Theory]
    [InlineData(200_000, 2500)]
    [InlineData(300_000, 2500)]
    public void Every_finished_answer_parses_and_validates(int firstSeed, int count) => RandomSchemaRun.Check(firstSeed, count);
}

internal static class RandomSchemaRun
{
    /// <summary>Schemas that one vocabulary serves: to index one takes as long as some answers.</summary>
    private const int SchemasOfVocabulary = 50;

    public static void Check(int firstSeed, int count)
    {
        var (finished, refused) = (0, 0);
        ConstraintCompiler? compiler = null;
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            if (compiler is null || seed % SchemasOfVocabulary == 0)
            {
                compiler = new ConstraintCompiler(VocabularyIndex.Build(TestVocabulary.Small(new Random(seed))));
            }

            var random = new Random(seed);
            var schemas = new RandomSchemas(random);
            var schema = schemas.Next();
            var inputs = schemas.Inputs.Select(input => (input.Key, input.Value)).ToArray();
            if (!compiler.TryCompile(Picking.Schema(schema, inputs), default, out var compiled, out var error))
            {
                // What contradicts itself is refused; that it says so is all that is asked.
                Assert.True(error.Message.Length > 0);
                refused++;
                continue;
            }

            using (compiled)
            {
                finished += Judge(seed, schema, schemas.Inputs, Picking.Answer(compiled, random, 400, what: $"seed {seed}: {schema}"));
            }
        }

        Assert.True(finished > count * 0.8, $"only {finished} answers were finished");
        Assert.True(refused < count * 0.1, $"{refused} schemas were refused");
    }

    private static int Judge(int seed, string schema, Dictionary<string, string> inputs, string? answer)
    {
        if (answer is null)
        {
            return 0;
        }

        using var schemaDocument = JsonDocument.Parse(schema);
        using var document = Parse(seed, answer);
        Assert.True(new SchemaOracle(schemaDocument.RootElement, inputs).IsValid(document.RootElement), $"seed {seed}: {answer}\ndoes not match {schema}");
        return 1;
    }

    private static JsonDocument Parse(int seed, string answer)
    {
        try
        {
            return JsonDocument.Parse(answer);
        }
        catch (JsonException exception)
        {
            throw new InvalidOperationException($"seed {seed}: {answer} does not parse", exception);
        }
    }
}
