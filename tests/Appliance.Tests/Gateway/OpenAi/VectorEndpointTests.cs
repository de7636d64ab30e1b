using System.Net;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi;

public sealed class VectorEndpointTests
{
    private static readonly float[][] Vectors = [[0.5f, -1.25f], [3e-8f, 2f]];

    [Fact]
    public async Task Embeddings_come_as_numbers_or_as_base64_of_little_endian_floats()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = EmbedAsync;
        var (status, body, _) = await gateway.PostAsync("/v1/embeddings", """{"model":"e","input":["a","b"],"dimensions":2}""");
        Assert.True(status == HttpStatusCode.OK, body);
        var answer = JsonDocument.Parse(body).RootElement;
        Assert.Equal(Vectors, answer.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle()).ToArray()));
        Assert.Equal(6, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());

        (_, body, _) = await gateway.PostAsync("/v1/embeddings", """{"model":"e","input":["a","b"],"encoding_format":"base64"}""");
        var bytes = JsonDocument.Parse(body).RootElement.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();
        Assert.Equal([BitConverter.GetBytes(0.5f), BitConverter.GetBytes(-1.25f)], bytes.Chunk(4));
    }

    [Fact]
    public async Task An_answer_that_lacks_a_vector_is_an_error()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = EmbedAsync;
        var (status, body, response) = await gateway.PostAsync("/v1/embeddings", """{"model":"e","input":["a","b","c"]}""");
        Assert.Equal(HttpStatusCode.BadGateway, status);
        Assert.Contains("input 2", body, StringComparison.Ordinal);
        Assert.Equal("true", response.Headers.GetValues("x-should-retry").Single());
    }

    [Theory]
    [InlineData("/v1/embeddings", """{"model":"e"}""", "missing_required_parameter", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":""}""", "invalid_value", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":[[1,"a"]]}""", "invalid_type", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":[[1],[]]}""", "invalid_value", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":[[1],"a"]}""", "invalid_type", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":["a",1]}""", "invalid_type", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":[-1]}""", "invalid_value", "input")]
    [InlineData("/v1/embeddings", """{"model":"e","input":"x","encoding_format":"int8"}""", "invalid_value", "encoding_format")]
    [InlineData("/v1/embeddings", """{"model":"e","input":"x","dimensions":0}""", "invalid_value", "dimensions")]
    [InlineData("/v1/rerank", """{"model":"e","documents":["a"]}""", "missing_required_parameter", "query")]
    [InlineData("/v1/rerank", """{"model":"e","query":"q","documents":[{"title":"a"}]}""", "unsupported_parameter", "documents.title")]
    public async Task A_mistake_is_named(string path, string request, string code, string param)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var (status, body, _) = await gateway.PostAsync(path, request);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.Equal((HttpStatusCode.BadRequest, code, param), (status, error.GetProperty("code").GetString(), error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Documents_come_back_best_first_and_as_many_as_wanted()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (call, sink, _) =>
        {
            Assert.Equal((ModelOperation.Rerank, "q"), (call.Request.Operation, call.Request.Turns.PartsOf(0)[0].Text.ToString()));
            float[] scores = [0.1f, 0.9f, 0.5f];
            for (var i = 0; i < 3; i++)
            {
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Vector, Index = i, Vector = scores.AsMemory(i, 1) });
            }

            return new Outcome { Reason = FinishReason.Stop };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/rerank", """{"model":"e","query":"q","documents":["a",{"text":"b"},"c"],"top_n":2,"return_documents":true}""");
        var results = JsonDocument.Parse(body).RootElement.GetProperty("results");
        Assert.Equal([(1, "b"), (2, "c")], results.EnumerateArray().Select(r => (r.GetProperty("index").GetInt32(), r.GetProperty("document").GetProperty("text").GetString())));
    }

    private static async ValueTask<Outcome> EmbedAsync(ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        Assert.Equal(ModelOperation.Embed, call.Request.Operation);
        for (var i = 0; i < 2; i++)
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Vector, Index = i, Vector = Vectors[i] });
        }

        return new Outcome { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 6 } };
    }
}
