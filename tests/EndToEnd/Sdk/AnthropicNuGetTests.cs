using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Anthropic.Models.Messages.Batches;

namespace Jesus.EndToEnd.Sdk;

/// <summary>NuGet <c>Anthropic</c> against the published daemon: the essentials, and that its types take what is sent.</summary>
public sealed class AnthropicNuGetTests(AnthropicNuGetTests.Fixture fixture) : IClassFixture<AnthropicNuGetTests.Fixture>
{
    [Fact]
    public async Task A_message_is_answered_whole_and_is_what_the_client_expects()
    {
        using var client = Client();
        var message = await client.Messages.Create(Ask("jesus-nano"));
        message.Validate();
        Assert.True(message.Content[0].TryPickText(out var text));
        Assert.NotEmpty(text.Text);
        Assert.True(message.Usage.InputTokens > 0 && message.Usage.OutputTokens > 0);
    }

    [Fact]
    public async Task A_message_streams()
    {
        using var client = Client();
        var (said, stopped) = ("", false);
        await foreach (var item in client.Messages.CreateStreaming(Ask("cloud/hello")))
        {
            item.Validate();
            if (item.TryPickContentBlockDelta(out var piece) && piece.Delta.TryPickText(out var text))
            {
                said += text.Text;
            }

            stopped |= item.TryPickStop(out _);
        }

        Assert.Equal(("Hello there", true), (said, stopped));
    }

    [Fact]
    public async Task Tokens_are_counted_and_models_listed()
    {
        using var client = Client();
        var count = await client.Messages.CountTokens(new MessageCountTokensParams { Model = "jesus-nano", Messages = [new UserMessageParam("Who are you?")] });
        Assert.True(count.InputTokens > 0);
        var models = await client.Models.List();
        Assert.Contains(models.Items, model => model.ID == "jesus-nano");
    }

    [Fact]
    public async Task A_batch_is_created_and_its_results_read()
    {
        using var client = Client();
        var batch = await client.Messages.Batches.Create(new BatchCreateParams
        {
            Requests = [new Request { CustomID = "one", Params = new Params { Model = "cloud/hello", MaxTokens = 64, Messages = [new UserMessageParam("Hi")] } }],
        });
        while (batch.EndedAt is null)
        {
            await Task.Delay(100);
            batch = await client.Messages.Batches.Retrieve(batch.ID);
        }

        batch.Validate();
        Assert.Equal(1, batch.RequestCounts.Succeeded);
        var ids = new List<string>();
        await foreach (var result in client.Messages.Batches.ResultsStreaming(batch.ID))
        {
            ids.Add(result.CustomID);
        }

        Assert.Equal(["one"], ids);
    }

    [Fact]
    public async Task An_unknown_model_is_the_clients_own_exception()
    {
        using var client = Client();
        await Assert.ThrowsAsync<AnthropicNotFoundException>(() => client.Messages.Create(Ask("no-such")));
    }

    private AnthropicClient Client() => new() { BaseUrl = fixture.Daemon.Url, ApiKey = fixture.Key, MaxRetries = 0 };

    private static MessageCreateParams Ask(string model) => new() { Model = model, MaxTokens = 64, Messages = [new UserMessageParam("Who are you?")] };

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "";
        protected override string Config => AnthropicUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => AnthropicUpstream.Prepare(upstream);
    }
}
