using System.Globalization;
using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Router;

namespace Jesus.Appliance.Config.Sections;

internal static class ProvidersSection
{
    /// <summary>Each is a candidate of its own in every route that names the provider.</summary>
    private const int KeysMax = 16;

    private static readonly string[] Reserved =
        ["host", "content-length", "content-type", "transfer-encoding", "connection", "authorization", "x-api-key", "accept", "accept-encoding"];

    public static MapShape<ProviderOptions> Shape { get; } = new(Provider(), () => new ProviderOptions());

    private static RecordShape<ProviderOptions> Provider() => new(
        new Property<ProviderOptions, string>("adapter", "Kind of adapter.",
            new TextShape { Allowed = [.. ProviderKinds.All.Keys] }, o => o.Adapter, (o, v) => o with { Adapter = v }),
        new Property<ProviderOptions, string>("url", "Base address up to and with the version, such as https://models.example/v1.",
            new TextShape(), o => o.Url, (o, v) => o with { Url = v }),
        new Property<ProviderOptions, string>("key", "Reference to the key, env:NAME or file:/path; empty when the server wants none.",
            new TextShape { Secret = true }, o => o.Key, (o, v) => o with { Key = v }),
        new Property<ProviderOptions, IReadOnlyList<string>>("keys", "Several keys instead of one: at its limit or refused, one leads to the next at once.",
            new ListShape<string>(new TextShape { Secret = true }, () => ""), o => o.Keys, (o, v) => o with { Keys = v }),
        new Property<ProviderOptions, IReadOnlyList<ProviderModelOptions>>("models", "Models that it offers.",
            new ListShape<ProviderModelOptions>(Model(), () => new ProviderModelOptions("")), o => o.Models, (o, v) => o with { Models = v }),
        new Property<ProviderOptions, long>("slots", "Calls in progress at once per model; 0: what the server says, otherwise 64.",
            new IntegerShape(0, 10_000), o => o.Slots, (o, v) => o with { Slots = (int)v }),
        new Property<ProviderOptions, bool>("leavesBox", "False for a server on this box or one that is trusted like it.",
            new BooleanShape(), o => o.LeavesBox, (o, v) => o with { LeavesBox = v }),
        new Property<ProviderOptions, string>("api", "Kind openai: which API generates for calls that are not passed through.",
            new TextShape { Allowed = ["chat", "responses"] }, o => o.Api, (o, v) => o with { Api = v }),
        new Property<ProviderOptions, string>("organization", "Kind openai: sent as OpenAI-Organization.",
            new TextShape(), o => o.Organization, (o, v) => o with { Organization = v }),
        new Property<ProviderOptions, string>("project", "Kind openai: sent as OpenAI-Project.",
            new TextShape(), o => o.Project, (o, v) => o with { Project = v }),
        new Property<ProviderOptions, bool>("priorities", "Kind vllm: the server runs with --scheduling-policy priority, so calls carry their lane's.",
            new BooleanShape(), o => o.Priorities, (o, v) => o with { Priorities = v }),
        new Property<ProviderOptions, long>("pollMs", "Kinds llamacpp and vllm: milliseconds between two looks at the server's load.",
            new IntegerShape(100, 60_000), o => o.PollMs, (o, v) => o with { PollMs = (int)v }),
        new Property<ProviderOptions, IReadOnlyDictionary<string, string>>("headers", "Header fields sent with every request; not for keys.",
            new MapShape<string>(new TextShape(), () => ""), o => o.Headers, (o, v) => o with { Headers = v }),
        new Property<ProviderOptions, ProviderTlsOptions>("tls", "Trust and identity under https.", Tls(), o => o.Tls, (o, v) => o with { Tls = v }),
        new Property<ProviderOptions, long>("connectTimeoutMs", "Milliseconds to connect, TLS included; then the next candidate is better.",
            new IntegerShape(10, 60_000), o => o.ConnectTimeoutMs, (o, v) => o with { ConnectTimeoutMs = (int)v }),
        new Property<ProviderOptions, long>("warmConnections", "Connections kept open ahead of calls, handshakes done.",
            new IntegerShape(0, 64), o => o.WarmConnections, (o, v) => o with { WarmConnections = (int)v }))
    {
        Check = (provider, node, path, errors) =>
        {
            if (!Uri.TryCreate(provider.Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            {
                errors.Add(new ConfigError((node.Find("url") ?? node).Place, path + ".url", $"must be an http or https address, not \"{provider.Url}\""));
            }

            CheckKeys(provider, node, path, errors);
            CheckHeaders(provider, node, path, errors);
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

    private static void CheckHeaders(ProviderOptions provider, ConfigNode node, string path, List<ConfigError> errors)
    {
        foreach (var (name, value) in new[] { ("organization", provider.Organization), ("project", provider.Project) })
        {
            if (value.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
            {
                errors.Add(new ConfigError((node.Find(name) ?? node).Place, $"{path}.{name}", "must be visible ASCII without blanks: it is sent as a header"));
            }
        }

        foreach (var (name, value) in provider.Headers)
        {
            var isName = name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
            if (!isName || value.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0 || Reserved.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                errors.Add(new ConfigError((node.Find("headers") ?? node).Place, $"{path}.headers.{name}",
                    "must be a header's name of letters, digits and hyphens with a value of visible ASCII, and none that this program sets itself"));
            }
        }
    }

    private static RecordShape<ProviderModelOptions> Model() => new(
        new Property<ProviderModelOptions, string>("name", "The provider's own name for it.", new TextShape(), o => o.Name, (o, v) => o with { Name = v }),
        new Property<ProviderModelOptions, long>("contextTokens", "Prompt and answer together; 0 when unknown.",
            new IntegerShape(0, 100_000_000), o => o.ContextTokens, (o, v) => o with { ContextTokens = (int)v }),
        new Property<ProviderModelOptions, long>("maxOutputTokens", "Longest answer; 0 when unknown.",
            new IntegerShape(0, 100_000_000), o => o.MaxOutputTokens, (o, v) => o with { MaxOutputTokens = (int)v }),
        new Property<ProviderModelOptions, IReadOnlyList<string>>("abilities", "What it can; empty: what its provider's kind can at best.",
            new ListShape<string>(new TextShape { Allowed = [.. AbilityNames.All.Select(n => n.Name)] }, () => ""),
            o => o.Abilities, (o, v) => o with { Abilities = v }),
        new Property<ProviderModelOptions, string>("api", "Kind openai: which API generates; empty: the provider's.",
            new TextShape { Allowed = ["", "chat", "responses"] }, o => o.Api, (o, v) => o with { Api = v }));

    private static RecordShape<ProviderTlsOptions> Tls() => new(
        new Property<ProviderTlsOptions, string>("caFile", "Certificates in PEM that alone are trusted as roots; empty: the system's trust store.",
            new TextShape(), o => o.CaFile, (o, v) => o with { CaFile = v }),
        new Property<ProviderTlsOptions, string>("certificateFile", "A client certificate in PEM, with its chain; empty for none.",
            new TextShape(), o => o.CertificateFile, (o, v) => o with { CertificateFile = v }),
        new Property<ProviderTlsOptions, string>("keyFile", "Its key in PEM; empty when it stands in the certificate's file.",
            new TextShape(), o => o.KeyFile, (o, v) => o with { KeyFile = v }));
}
