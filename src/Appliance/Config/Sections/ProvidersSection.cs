using System.Globalization;
using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Router;

namespace Jesus.Appliance.Config.Sections;

internal static class ProvidersSection
{
    /// <summary>Each is a candidate of its own in every route that names the provider.</summary>
    private const int KeysMax = 16;

    public static MapShape<ProviderOptions> Shape { get; } = new(Provider(), () => new ProviderOptions());

    private static RecordShape<ProviderOptions> Provider() => new(
        new Property<ProviderOptions, string>("adapter", "Kind of adapter.", new TextShape { Allowed = ["openai-compatible", "anthropic"] }, o => o.Adapter, (o, v) => o with { Adapter = v }),
        new Property<ProviderOptions, string>("url", "Base address up to and with the version, such as https://models.example/v1.",
            new TextShape(), o => o.Url, (o, v) => o with { Url = v }),
        new Property<ProviderOptions, string>("key", "Reference to the key, env:NAME or file:/path; empty when the server wants none.",
            new TextShape { Secret = true }, o => o.Key, (o, v) => o with { Key = v }),
        new Property<ProviderOptions, IReadOnlyList<string>>("keys", "Several keys instead of one: at its limit or refused, one leads to the next at once.",
            new ListShape<string>(new TextShape { Secret = true }, () => ""), o => o.Keys, (o, v) => o with { Keys = v }),
        new Property<ProviderOptions, IReadOnlyList<ProviderModelOptions>>("models", "Models that it offers.",
            new ListShape<ProviderModelOptions>(Model(), () => new ProviderModelOptions("")), o => o.Models, (o, v) => o with { Models = v }),
        new Property<ProviderOptions, long>("slots", "Calls in progress at once per model.", new IntegerShape(1, 10_000), o => o.Slots, (o, v) => o with { Slots = (int)v }),
        new Property<ProviderOptions, bool>("leavesBox", "False for a server on this box or one that is trusted like it.",
            new BooleanShape(), o => o.LeavesBox, (o, v) => o with { LeavesBox = v }))
    {
        Check = (provider, node, path, errors) =>
        {
            if (!Uri.TryCreate(provider.Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            {
                errors.Add(new ConfigError((node.Find("url") ?? node).Place, path + ".url", $"must be an http or https address, not \"{provider.Url}\""));
            }

            CheckKeys(provider, node, path, errors);
        },
    };

    private static void CheckKeys(ProviderOptions provider, ConfigNode node, string path, List<ConfigError> errors)
    {
        if (provider.Keys.Count > KeysMax || (provider.Keys.Count > 0 && provider.Key.Length > 0))
        {
            errors.Add(new ConfigError((node.Find("keys") ?? node).Place, path + ".keys", $"give either key or keys, and at most {KeysMax} of them"));
        }

        CheckKey(provider.Key, node.Find("key") ?? node, path + ".key", errors);
        for (var i = 0; i < provider.Keys.Count; i++)
        {
            CheckKey(provider.Keys[i], node.Find("keys") ?? node, string.Create(CultureInfo.InvariantCulture, $"{path}.keys[{i}]"), errors);
        }
    }

    private static void CheckKey(string key, ConfigNode node, string path, List<ConfigError> errors)
    {
        if (key.Length > 0 && !key.StartsWith("env:", StringComparison.Ordinal) && !key.StartsWith("file:", StringComparison.Ordinal))
        {
            errors.Add(new ConfigError(node.Place, path, "must refer to the key as env:NAME or file:/path; a key itself does not belong into this file"));
        }
    }

    private static RecordShape<ProviderModelOptions> Model() => new(
        new Property<ProviderModelOptions, string>("name", "The provider's own name for it.", new TextShape(), o => o.Name, (o, v) => o with { Name = v }),
        new Property<ProviderModelOptions, long>("contextTokens", "Prompt and answer together; 0 when unknown.",
            new IntegerShape(0, 100_000_000), o => o.ContextTokens, (o, v) => o with { ContextTokens = (int)v }),
        new Property<ProviderModelOptions, long>("maxOutputTokens", "Longest answer; 0 when unknown.",
            new IntegerShape(0, 100_000_000), o => o.MaxOutputTokens, (o, v) => o with { MaxOutputTokens = (int)v }));
}
