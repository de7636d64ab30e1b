namespace Jesus.EndToEnd.Sdk;

/// <summary>npm <c>openai</c> against the published daemon: each check of <c>openai.mjs</c> is a test.</summary>
public sealed class OpenAiNpmTests(OpenAiNpmTests.Fixture fixture) : IClassFixture<OpenAiNpmTests.Fixture>
{
    public static TheoryData<string> Checks => SdkScript.ChecksOf("openai.mjs");

    [Theory]
    [MemberData(nameof(Checks))]
    public Task With_npm_openai(string check) => fixture.AssertAsync(check);

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "openai.mjs";
        protected override string Config => OpenAiUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => OpenAiUpstream.Prepare(upstream);
    }
}
