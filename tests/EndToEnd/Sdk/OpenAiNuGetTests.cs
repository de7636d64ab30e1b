using System.ClientModel;
using OpenAI;
using OpenAI.Chat;

namespace Jesus.EndToEnd.Sdk;

/// <summary>NuGet <c>OpenAI</c> against the published daemon.</summary>
public sealed class OpenAiNuGetTests(OpenAiNuGetTests.Fixture fixture) : IClassFixture<OpenAiNuGetTests.Fixture>
{
    private ChatClient Chat(string model) => Client().GetChatClient(model);

    private OpenAIClient Client() => new(
        new ApiKeyCredential(fixture.Key), new OpenAIClientOptions { Endpoint = new Uri(fixture.Daemon.Url + "/v1"), NetworkTimeout = TimeSpan.FromMinutes(5) });

    [Fact]
    public async Task A_chat_answers_whole_with_usage()
    {
        ChatCompletion answer = await Chat("jesus-nano").CompleteChatAsync("Who are you?");
        Assert.NotEmpty(answer.Content[0].Text);
        Assert.True(answer.Usage.InputTokenCount > 0);
    }

    [Fact]
    public async Task A_chat_streams()
    {
        var text = "";
        await foreach (var update in Chat("cloud/hello").CompleteChatStreamingAsync("Hi"))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
        }

        Assert.Equal("Hello there", text);
    }

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "";
        protected override string Config => OpenAiUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => OpenAiUpstream.Prepare(upstream);
    }
}
