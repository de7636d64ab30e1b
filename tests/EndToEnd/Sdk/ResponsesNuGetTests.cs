#pragma warning disable OPENAI001 // The client marks its Responses API as experimental.
using System.ClientModel;
using OpenAI;
using OpenAI.Responses;

namespace Jesus.EndToEnd.Sdk;

/// <summary>The Responses API through NuGet <c>OpenAI</c> against the published daemon.</summary>
public sealed class ResponsesNuGetTests(ResponsesNuGetTests.Fixture fixture) : IClassFixture<ResponsesNuGetTests.Fixture>
{
    private ResponsesClient Client => new OpenAIClient(
        new ApiKeyCredential(fixture.Key),
        new OpenAIClientOptions { Endpoint = new Uri(fixture.Daemon.Url + "/v1"), NetworkTimeout = TimeSpan.FromMinutes(5) }).GetResponsesClient();

    [Fact]
    public async Task A_response_answers_whole_is_retrieved_and_deleted()
    {
        ResponseResult made = await Client.CreateResponseAsync("jesus-nano", "Who are you?");
        Assert.NotEmpty(made.GetOutputText());
        Assert.True(made.Usage.InputTokenCount > 0);
        ResponseResult read = await Client.GetResponseAsync(made.Id);
        Assert.Equal((made.GetOutputText(), made.CreatedAt), (read.GetOutputText(), read.CreatedAt));

        ResponseDeletionResult deleted = await Client.DeleteResponseAsync(made.Id);
        Assert.True(deleted.Deleted);
        var gone = await Assert.ThrowsAsync<ClientResultException>(() => Client.GetResponseAsync(made.Id));
        Assert.Equal(404, gone.Status);
    }

    [Fact]
    public async Task A_response_streams()
    {
        var text = "";
        ResponseResult? last = null;
        await foreach (var update in await Client.CreateResponseStreamingAsync("cloud/hello", "Hi"))
        {
            text += update is StreamingResponseOutputTextDeltaUpdate delta ? delta.Delta : "";
            last = update is StreamingResponseCompletedUpdate completed ? completed.Response : last;
        }

        Assert.Equal("Hello there", text);
        Assert.Equal("Hello there", last!.GetOutputText());
    }

    [Fact]
    public async Task A_tool_is_called_in_a_loop_that_the_previous_id_continues()
    {
        var tool = ResponseTool.CreateFunctionTool("calc", BinaryData.FromString("""{"type":"object","properties":{"expression":{"type":"string"}}}"""), false, "Computes.");
        var options = new CreateResponseOptions("cloud/tool", [ResponseItem.CreateUserMessageItem("What is 2+2?")]) { Tools = { tool } };
        ResponseResult first = await Client.CreateResponseAsync(options);
        var call = Assert.IsType<FunctionCallResponseItem>(Assert.Single(first.OutputItems));
        Assert.Equal(("calc", """{"expression":"2+2"}"""), (call.FunctionName, call.FunctionArguments.ToString()));

        options = new CreateResponseOptions("cloud/tool", [ResponseItem.CreateFunctionCallOutputItem(call.CallId, "4")]) { Tools = { tool }, PreviousResponseId = first.Id };
        ResponseResult second = await Client.CreateResponseAsync(options);
        Assert.Equal("What is 2+2? It is 4", second.GetOutputText());
    }

    [Fact]
    public async Task A_response_in_the_background_is_cancelled()
    {
        var options = new CreateResponseOptions("cloud/endless", [ResponseItem.CreateUserMessageItem("Hi")]) { BackgroundModeEnabled = true };
        ResponseResult queued = await Client.CreateResponseAsync(options);
        Assert.Equal(ResponseStatus.Queued, queued.Status);
        ResponseResult cancelled = await Client.CancelResponseAsync(queued.Id);
        Assert.Equal(ResponseStatus.Cancelled, cancelled.Status);
    }

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "";
        protected override string Config => ResponsesUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => ResponsesUpstream.Prepare(upstream);
    }
}
