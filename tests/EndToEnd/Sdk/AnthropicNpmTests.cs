namespace Jesus.EndToEnd.Sdk;

/// <summary>npm <c>@anthropic-ai/sdk</c> against the published daemon: each check of <c>anthropic.mjs</c> is a test.</summary>
public sealed class AnthropicNpmTests(AnthropicNpmTests.Fixture fixture) : IClassFixture<AnthropicNpmTests.Fixture>
{
    public static TheoryData<string> Checks => SdkScript.ChecksOf("anthropic.mjs");

    [Theory]
    [MemberData(nameof(Checks))]
    public Task With_npm_anthropic(string check) => fixture.AssertAsync(check);

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "anthropic.mjs";
        protected override string Config => AnthropicUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => AnthropicUpstream.Prepare(upstream);
    }
}
