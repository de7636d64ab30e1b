using System.Text;
using System.Text.Json;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Engine.Tools;

namespace Jesus.Inference.Tests.Nano;

/// <summary>The demonstration model's golden files, made by its training scripts without this engine.</summary>
public sealed class NanoGoldenTests(NanoHost host) : IClassFixture<NanoHost>
{
    [Fact]
    public async Task Texts_have_the_token_ids_that_training_used()
    {
        var tokenizer = (await host.LoadAsync()).Tokenizer;
        foreach (var item in Golden("tokenizer-golden.json"))
        {
            var text = item.GetProperty("text").GetString()!;
            var ids = new TokenBuffer();
            tokenizer.Encode(Encoding.UTF8.GetBytes(text), parseSpecial: false, ids);
            Assert.Equal(Ids(item), ids.Span.ToArray());
            Assert.Equal(text, Encoding.UTF8.GetString(tokenizer.Decode(ids.Span)));
        }
    }

    [Fact]
    public async Task Conversations_render_to_the_token_ids_that_training_used()
    {
        var model = await host.LoadAsync();
        var examples = Golden("template-golden.json");
        Assert.Equal(10, examples.Count);
        foreach (var item in examples)
        {
            var ids = new TokenBuffer();
            var error = model.Prompts.Render(ChatJson.Request(item), ids);
            Assert.True(error.IsNone, error.Message);
            Assert.Equal(item.GetProperty("text").GetString(), Encoding.UTF8.GetString([.. ids.Span.ToArray().SelectMany(id => model.Tokenizer.Vocabulary.Bytes(id).ToArray())]));
            Assert.Equal(Ids(item), ids.Span.ToArray());
        }
    }

    [Fact]
    public async Task Logits_are_those_of_float32_arithmetic_but_for_the_rounding_of_activations()
    {
        _ = await host.LoadAsync();
        using var golden = JsonDocument.Parse(File.ReadAllText(TestData.Eval("logits-golden.json")));
        foreach (var item in golden.RootElement.GetProperty("sequences").EnumerateArray())
        {
            var logits = ModelTools.Logits(TestData.NanoModel, Ids(item)).Value![0];
            var norm = Math.Sqrt(logits.Sum(value => (double)value * value));
            Assert.InRange(norm / item.GetProperty("l2").GetDouble(), 0.98, 1.02);
            foreach (var top in item.GetProperty("top").EnumerateArray())
            {
                // Activations are rounded to 8 bits a block before each Q8_0 product; logits here lie between -20 and 20.
                Assert.Equal(top.GetProperty("logit").GetDouble(), logits[top.GetProperty("id").GetInt32()], 0.5);
            }
        }
    }

    private static List<JsonElement> Golden(string name)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(TestData.Eval(name)));
        return [.. file.RootElement.Clone().EnumerateArray()];
    }

    private static int[] Ids(JsonElement item) => [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
