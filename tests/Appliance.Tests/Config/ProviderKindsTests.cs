using System.Collections;
using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Router;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Config;

/// <summary>What docs/providers.md shows is what is there.</summary>
public sealed class ProviderKindsTests
{
    private static readonly string[] Lines = File.ReadAllLines(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/providers.md")));

    [Fact]
    public void Every_kind_has_its_section_with_an_example_that_loads()
    {
        foreach (var kind in ProviderKinds.All.Keys)
        {
            var at = Array.IndexOf(Lines, "### " + kind);
            Assert.True(at >= 0, $"docs/providers.md has no section about '{kind}'");
            var example = string.Join('\n', Lines.Skip(at + 1).SkipWhile(l => !l.StartsWith("    ", StringComparison.Ordinal)).TakeWhile(l => l.StartsWith("    ", StringComparison.Ordinal)));
            var loaded = Load(example);
            Assert.True(loaded.Errors.Count == 0, $"{kind}: {string.Join('\n', loaded.Errors)}");
            Assert.Equal(kind, loaded.Config.Providers.Single().Value.Adapter);
        }
    }

    [Fact]
    public void Every_kind_makes_an_adapter_of_its_own_name()
    {
        foreach (var (name, kind) in ProviderKinds.All)
        {
            var options = new ProviderOptions { Adapter = name, Url = "https://models.example/v1", Models = [new ProviderModelOptions("m")] };
            var adapter = kind.Make(new ProviderSetup("p", options, "k", TcpNetwork.Instance, TimeProvider.System));
            Assert.Equal((name, "p"), (adapter.Id.Kind, adapter.Id.Provider));
            Assert.IsAssignableFrom<IDisposable>(adapter).Dispose();
        }
    }

    [Theory]
    [InlineData("\"adapter\": \"open-ai\"", "providers.p.adapter")]
    [InlineData("\"headers\": { \"x-a\": \"b\\r\\nhost: c\" }", "providers.p.headers.x-a")]
    [InlineData("\"headers\": { \"Authorization\": \"Bearer k\" }", "providers.p.headers.Authorization")]
    [InlineData("\"organization\": \"a b\"", "providers.p.organization")]
    [InlineData("\"warmConnections\": 65", "providers.p.warmConnections")]
    public void What_is_wrong_about_a_provider_is_named(string member, string path)
    {
        var loaded = Load($$"""{ "providers": { "p": { "url": "https://models.example/v1", {{member}} } } }""");
        Assert.Equal(path, Assert.Single(loaded.Errors).Path);
    }

    private static LoadedConfig Load(string json) => ConfigLoader.Parse(Encoding.UTF8.GetBytes(json), "test.json", new Hashtable());

    private static string Here([CallerFilePath] string path = "") => path;
}
