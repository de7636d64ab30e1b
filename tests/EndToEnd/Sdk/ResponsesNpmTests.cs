namespace Jesus.EndToEnd.Sdk;

/// <summary>The Responses API through npm <c>openai</c> against the published daemon: each check of <c>responses.mjs</c> is a test.</summary>
public sealed class ResponsesNpmTests(ResponsesNpmTests.Fixture fixture) : IClassFixture<ResponsesNpmTests.Fixture>
{
    public static TheoryData<string> Checks => SdkScript.ChecksOf("responses.mjs");

    [Theory]
    [MemberData(nameof(Checks))]
    public Task With_npm_openai(string check) => fixture.AssertAsync(check);

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "responses.mjs";
        protected override string Config => ResponsesUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => ResponsesUpstream.Prepare(upstream);
    }
}
