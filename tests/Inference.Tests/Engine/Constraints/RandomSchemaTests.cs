using System.Text.Json;

namespace Jesus.Inference.Tests.Engine.Constraints;

public sealed class RandomSchemaTests
{
    /// <summary>Each seed makes a vocabulary, a schema and several answers; a failing seed is in the message and replays alone.</summary>
    [Theory]
    [InlineData(1, 700)]
    [InlineData(100_000, 700)]
    [InlineData(200_000, 700)]
    public void Every_finished_answer_parses_and_validates(int firstSeed, int count)
    {
        var finished = 0;
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var random = new Random(seed);
            var schemas = new RandomSchemas(random);
            var schema = schemas.Next();
            var inputs = schemas.Inputs.Select(input => (input.Key, input.Value)).ToArray();
            using var compiled = Picking.Compile(TestVocabulary.Random(random, 200), Picking.Schema(schema, inputs));
            for (var answers = 0; answers < 5; answers++)
            {
                finished += Judge(seed, schema, schemas.Inputs, Picking.Answer(compiled, random));
            }
        }

        Assert.True(finished > count * 4, $"only {finished} answers were finished");
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
