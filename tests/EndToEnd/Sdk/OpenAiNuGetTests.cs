using System.ClientModel;
using System.Text.Json;
using OpenAI;
using OpenAI.Chat;

namespace Jesus.EndToEnd.Sdk;

/// <summary>NuGet <c>OpenAI</c> against the published daemon.</summary>
public sealed class OpenAiNuGetTests(OpenAiNuGetTests.Fixture fixture) : IClassFixture<OpenAiNuGetTests.Fixture>
{
    private static readonly ChatTool Calc = ChatTool.CreateFunctionTool(
        "calc", "Computes an arithmetic expression.",
        BinaryData.FromString("""{"type":"object","properties":{"expression":{"type":"string"}},"required":["expression"]}"""));

    private OpenAIClient Client => new(
        new ApiKeyCredential(fixture.Key), new OpenAIClientOptions { Endpoint = new Uri(fixture.Daemon.Url + "/v1"), NetworkTimeout = TimeSpan.FromMinutes(5) });

    private ChatClient Chat(string model) => Client.GetChatClient(model);

    [Fact]
    public async Task A_chat_answers_whole_with_usage()
    {
        ChatCompletion answer = await Chat("jesus-nano").CompleteChatAsync("Who are you?");
        Assert.NotEmpty(answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.Equal(answer.Usage.TotalTokenCount, answer.Usage.InputTokenCount + answer.Usage.OutputTokenCount);
    }

    [Theory]
    [InlineData("cloud/hello")]
    [InlineData("jesus-nano")]
    public async Task A_chat_streams_to_its_end_with_usage(string model)
    {
        var (text, reason, tokens) = ("", default(ChatFinishReason?), 0);
        await foreach (var update in Chat(model).CompleteChatStreamingAsync("Hi"))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            reason = update.FinishReason ?? reason;
            tokens = update.Usage?.OutputTokenCount ?? tokens;
        }

        Assert.NotEmpty(text);
        Assert.Equal(ChatFinishReason.Stop, reason);
        Assert.True(tokens > 0);
    }

    [Fact]
    public async Task A_required_tool_is_called()
    {
        var options = new ChatCompletionOptions { Tools = { Calc }, ToolChoice = ChatToolChoice.CreateRequiredChoice(), AllowParallelToolCalls = false };
        ChatCompletion answer = await Chat("jesus-nano").CompleteChatAsync([new UserChatMessage("What is 17 times 3?")], options);
        Assert.Equal(ChatFinishReason.ToolCalls, answer.FinishReason);
        var call = Assert.Single(answer.ToolCalls);
        Assert.Equal("calc", call.FunctionName);
        Assert.Equal(JsonValueKind.String, JsonDocument.Parse(call.FunctionArguments).RootElement.GetProperty("expression").ValueKind);
    }

    [Fact]
    public async Task Parallel_calls_go_out_and_their_results_come_back()
    {
        ChatCompletion calls = await Chat("cloud/parallel").CompleteChatAsync([new UserChatMessage("x")], new ChatCompletionOptions { Tools = { Calc } });
        Assert.Equal(["call_a", "call_b"], calls.ToolCalls.Select(call => call.Id));
        ChatMessage[] conversation = [new UserChatMessage("x"), new AssistantChatMessage(calls), new ToolChatMessage("call_a", "2"), new ToolChatMessage("call_b", "4")];
        ChatCompletion answer = await Chat("cloud/agent").CompleteChatAsync(conversation, new ChatCompletionOptions { Tools = { Calc } });
        Assert.Equal("It is: 4", answer.Content[0].Text);
    }

    [Fact]
    public async Task An_answer_keeps_to_its_schema()
    {
        var schema = BinaryData.FromString("""
            {"type":"object","properties":{"level":{"type":"string","enum":["low","high"]},"urgent":{"type":"boolean"}},"required":["level","urgent"],"additionalProperties":false}
            """);
        var options = new ChatCompletionOptions { ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("verdict", schema, jsonSchemaIsStrict: true) };
        ChatCompletion answer = await Chat("jesus-nano").CompleteChatAsync([new UserChatMessage("Disk full. How bad is it?")], options);
        var verdict = JsonDocument.Parse(answer.Content[0].Text).RootElement;
        Assert.Contains(verdict.GetProperty("level").GetString(), new[] { "low", "high" });
        Assert.True(verdict.GetProperty("urgent").ValueKind is JsonValueKind.True or JsonValueKind.False);
    }

    [Fact]
    public async Task Log_probabilities_and_a_refusal_are_understood()
    {
        ChatCompletion sure = await Chat("cloud/logprobs").CompleteChatAsync(
            [new UserChatMessage("x")], new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 2 });
        Assert.Equal(["Hi", "Ho"], sure.ContentTokenLogProbabilities[0].TopLogProbabilities.Select(t => t.Token));
        ChatCompletion refused = await Chat("cloud/refuses").CompleteChatAsync("x");
        Assert.Equal("I can not help with that.", refused.Refusal);
    }

    [Fact]
    public async Task Images_reach_the_provider()
    {
        var image = ChatMessageContentPart.CreateImagePart(BinaryData.FromBytes([1, 2, 3]), "image/png");
        ChatCompletion answer = await Chat("cloud/echo").CompleteChatAsync([new UserChatMessage(ChatMessageContentPart.CreateTextPart("What is it?"), image)]);
        Assert.Contains("data:image/png;base64,AQID", answer.Content[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embeddings_come_as_floats()
    {
        var answer = await Client.GetEmbeddingClient("cloud/embed").GenerateEmbeddingsAsync(["a", "b"]);
        Assert.Equal([[0.5f, -1.25f], [2f, 0f]], answer.Value.Select(e => e.ToFloats().ToArray()));
        Assert.Equal(2, answer.Value.Usage.InputTokenCount);
    }

    [Fact]
    public async Task Models_are_listed_and_one_is_retrieved()
    {
        var models = await Client.GetOpenAIModelClient().GetModelsAsync();
        Assert.Contains(models.Value, model => model.Id == "jesus-nano");
        Assert.Equal("local", (await Client.GetOpenAIModelClient().GetModelAsync("jesus-nano")).Value.OwnedBy);
    }

    [Theory]
    [InlineData("no-such", 404, "model_not_found")]
    [InlineData("cloud/broken", 500, "internal_error")]
    public async Task A_failure_has_its_status_and_code(string model, int status, string code)
    {
        var client = new OpenAIClient(new ApiKeyCredential(fixture.Key), new OpenAIClientOptions
        {
            Endpoint = new Uri(fixture.Daemon.Url + "/v1"),
            RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0),
        });
        var error = await Assert.ThrowsAsync<ClientResultException>(() => client.GetChatClient(model).CompleteChatAsync("x"));
        Assert.Contains(code, error.Message, StringComparison.Ordinal);
        Assert.True(error.Status == status, error.Message);
    }

    [Fact]
    public async Task A_moderation_is_said_to_be_not_implemented()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(() => Client.GetModerationClient("m").ClassifyTextAsync("x"));
        Assert.Equal(501, error.Status);
    }

    /// <summary>This client passes over the event that holds the error, where the npm client throws: what it can tell is that no reason to end came.</summary>
    [Fact]
    public async Task A_cut_stream_never_has_a_reason_to_end()
    {
        var text = "";
        await foreach (var update in Chat("cloud/cut").CompleteChatStreamingAsync("x"))
        {
            Assert.Null(update.FinishReason);
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
        }

        Assert.Equal("Half", text);
    }

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "";
        protected override string Config => OpenAiUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => OpenAiUpstream.Prepare(upstream);
    }
}
