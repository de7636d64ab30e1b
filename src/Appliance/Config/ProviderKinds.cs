using Jesus.Appliance.Router;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Adapters.LlamaCpp;
using Jesus.Inference.Adapters.OpenAi;
using Jesus.Inference.Adapters.OpenAiCompatible;
using Jesus.Inference.Adapters.Vllm;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Config;

/// <summary>What an adapter is made from: the provider's options with its key resolved, and the network under its trust.</summary>
internal sealed record ProviderSetup(string Name, ProviderOptions Options, string Key, INetwork Network, TimeProvider Time)
{
    public Uri Url => new(Options.Url);
    public HttpUpstreamOptions Http => new() { ConnectTimeoutMs = Options.ConnectTimeoutMs, WarmConnections = Options.WarmConnections };
}

/// <summary>One kind of provider.</summary>
/// <param name="Abilities">What a model of it can at best: where the operator says nothing, a call is tried.</param>
/// <param name="Slots">Calls in progress at once where the operator sets none; 0: the adapter's word.</param>
/// <param name="Make">Its adapter.</param>
internal sealed record ProviderKind(Abilities Abilities, int Slots, Func<ProviderSetup, IModelAdapter> Make);

/// <summary>
/// The kinds of <c>providers.*.adapter</c>: the one registration that an adapter needs. The validator knows the names by it, the schema lists them, and the
/// daemon makes the adapters. <c>docs/providers.md</c> says what each honours.
/// </summary>
internal static class ProviderKinds
{
    /// <summary>A provider's own limit is usually lower, and answers 429.</summary>
    private const int UsualSlots = 64;

    public static IReadOnlyDictionary<string, ProviderKind> All { get; } = new SortedDictionary<string, ProviderKind>(StringComparer.Ordinal)
    {
        ["openai-compatible"] = new(Abilities.All, UsualSlots, s => new OpenAiCompatibleAdapter(
            new OpenAiCompatibleOptions { Provider = s.Name, Url = s.Url, Key = s.Key, Headers = s.Options.Headers, Http = s.Http }, s.Network, s.Time)),
        ["anthropic"] = new(Abilities.Conversation, UsualSlots, s => new AnthropicAdapter(Anthropic(s), s.Network, s.Time)),
        ["openai"] = new(Abilities.All, UsualSlots, s => new OpenAiAdapter(OpenAi(s), s.Network, s.Time)),
        ["llamacpp"] = new(Abilities.All, 0, s => new LlamaCppAdapter(
            new LlamaCppOptions { Provider = s.Name, Url = s.Url, Key = s.Key, Headers = s.Options.Headers, Http = s.Http, PollMs = s.Options.PollMs }, s.Network, s.Time)),
        ["vllm"] = new(Abilities.All, UsualSlots, s => new VllmAdapter(
            new VllmOptions
            {
                Provider = s.Name,
                Url = s.Url,
                Key = s.Key,
                Headers = s.Options.Headers,
                Http = s.Http,
                PollMs = s.Options.PollMs,
                Priorities = s.Options.Priorities,
            },
            s.Network,
            s.Time)),
    };

    private static AnthropicOptions Anthropic(ProviderSetup s) => new()
    {
        Provider = s.Name,
        Url = s.Url,
        Key = s.Key,
        Headers = s.Options.Headers,
        Http = s.Http,
        MaxOutputTokens = s.Options.Models.DistinctBy(m => m.Name).ToDictionary(m => m.Name, m => m.MaxOutputTokens, StringComparer.Ordinal),
    };

    private static OpenAiOptions OpenAi(ProviderSetup s) => new()
    {
        Provider = s.Name,
        Url = s.Url,
        Key = s.Key,
        Headers = s.Options.Headers,
        Http = s.Http,
        Api = ApiOf(s.Options.Api),
        ModelApis = s.Options.Models.Where(m => m.Api.Length > 0).DistinctBy(m => m.Name).ToDictionary(m => m.Name, m => ApiOf(m.Api)),
        ReasoningModels = s.Options.Models.Where(m => m.Abilities.Contains("reasoning")).Select(m => m.Name).ToHashSet(),
        Organization = s.Options.Organization,
        Project = s.Options.Project,
    };

    private static OpenAiApi ApiOf(string name) => name == "responses" ? OpenAiApi.Responses : OpenAiApi.Chat;
}
