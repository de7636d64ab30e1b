using System.Text.RegularExpressions;
using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Gateway;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>What whoever reads the error learns of a handshake that failed: the provider, the host, what is wrong, what mends it and where that is set.</summary>
public sealed class TlsWordsTests
{
    /// <summary>By place.</summary>
    private static readonly Dictionary<string, string[]> Words = new(StringComparer.Ordinal)
    {
        ["no TLS"] = ["what the server sent is no TLS; it seems to speak without"],
        ["TLS handshake cut"] = ["the connection ended inside the handshake"],
        ["untrusted certificate"] = ["leads to 'CN=localhost', which this system does not trust", "name a file that holds it in tls.caFile"],
        ["expired certificate"] = ["its certificate expired on ", "renew it there, or set this box's clock"],
        ["certificate of the future"] = ["its certificate is valid only from ", "set this box's clock"],
        ["certificate for another"] = ["its certificate is for other.example, not for 127.0.0.1", "the address must name it as its certificate does"],
        ["TLS version refused"] = ["'protocol_version' (70)", "it speaks no version of TLS that this box does (1.2 and 1.3)"],
        ["TLS handshake refused"] = ["'handshake_failure' (40)", "no version and cipher in common with this box", "wants a client certificate"],
        ["client certificate wanted, TLS 1.2"] = ["wants a client certificate (tls.certificateFile and tls.keyFile)"],
        ["client certificate wanted, TLS 1.3"] = ["'certificate_required' (116)", "a client certificate that it trusts (tls.certificateFile and tls.keyFile)"],
    };

    public static TheoryData<string> Places => [.. TlsPlaces.All().Select(p => p.Name).Where(name => name != "trusted certificate")];

    [Theory]
    [MemberData(nameof(Places))]
    public async Task The_error_names_host_fault_remedy_and_setting(string name)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var place = FaultPlace.All.Single(p => p.Name == name);
        foreach (var upstream in Upstream.All)
        {
            var result = await FaultRun.RunAsync(
                gateway, upstream, place, ClientApi.OpenAi, stream: false, withNext: false, CommitPoint.FirstToken, TestContext.Current.CancellationToken);
            var said = Regex.Unescape(result.View.Body);
            Assert.All(
                ["'bad': 127.0.0.1:", " cannot be reached over TLS: ", .. Words[name], "Check providers.bad.url and providers.bad.tls."],
                word => Assert.True(said.Contains(word, StringComparison.Ordinal), $"'{word}' is not in {said}"));
        }
    }
}
