using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Adapters.OpenAi;
using Jesus.Inference.Adapters.OpenAiCompatible;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>An API of an upstream and the adapter that calls it.</summary>
internal sealed record Upstream(UpstreamApi Api, Func<string, Uri, INetwork, IModelAdapter> Adapter)
{
    /// <summary>Short, since a connection that never comes is waited for so long; nothing else here takes that long to connect.</summary>
    private static readonly HttpUpstreamOptions Http = new() { ConnectTimeoutMs = 1_000 };

    /// <summary>The client of OpenAI's that asks it: the adapter sends each of its two APIs on to the same one.</summary>
    public ClientApi Client { get; init; } = ClientApi.OpenAi;

    public static IReadOnlyList<Upstream> All { get; } =
    [
        new(UpstreamApi.OpenAiChat, (name, root, network) => new OpenAiCompatibleAdapter(
            new OpenAiCompatibleOptions { Provider = name, Url = new Uri(root, "v1"), Key = FaultScripts.Key, Http = Http }, network, TimeProvider.System)),
        new(UpstreamApi.Anthropic, (name, root, network) => new AnthropicAdapter(
            new AnthropicOptions { Provider = name, Url = root, Key = FaultScripts.Key, Http = Http }, network, TimeProvider.System)),
        new(UpstreamApi.OpenAiResponses, (name, root, network) => new OpenAiAdapter(
            new OpenAiOptions { Provider = name, Url = new Uri(root, "v1"), Key = FaultScripts.Key, Http = Http, Api = OpenAiApi.Responses },
            network,
            TimeProvider.System)) { Client = ClientApi.OpenAiResponses },
    ];
}
