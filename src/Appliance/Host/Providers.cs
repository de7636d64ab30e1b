using Jesus.Appliance.Config;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security.Secrets;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Adapters.OpenAiCompatible;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>The configured servers of models, as candidates. One whose key cannot be read is left out and named in the log.</summary>
internal sealed class Providers : IDisposable
{
    private readonly List<IDisposable> _adapters = [];
    private readonly List<Candidate> _candidates = [];

    public Providers(ApplianceConfig config, SecretReader secrets, INetwork network, TimeProvider time, ILogger log)
    {
        foreach (var (name, options) in config.Providers)
        {
            // Every key is a door of its own: an adapter and its candidates for each.
            var keys = options.Keys.Count > 0 ? options.Keys : [options.Key];
            for (var i = 0; i < keys.Count; i++)
            {
                if (KeyOf(keys[i], secrets, out var error) is { } key)
                {
                    Add(name, options, key, i + 1, network, time);
                }
                else
                {
                    log.LogWarning("the provider {Provider} is left out (key {Number}): {Reason}", name, i + 1, error);
                }
            }
        }
    }

    public IReadOnlyList<Candidate> Candidates => _candidates;

    public void Dispose()
    {
        foreach (var adapter in _adapters)
        {
            adapter.Dispose();
        }
    }

    private static string? KeyOf(string reference, SecretReader secrets, out string? error)
    {
        error = null;
        if (reference.Length == 0)
        {
            return "";
        }

        (var secret, error) = secrets.Read(reference);
        return secret?.Reveal();
    }

    private void Add(string name, ProviderOptions options, string key, int number, INetwork network, TimeProvider time)
    {
        var adapter = Create(name, options, key, network, time);
        _adapters.Add((IDisposable)adapter);
        _candidates.AddRange(options.Models.Select(model => new Candidate(adapter, model.Name, new CandidateTraits
        {
            ContextTokens = model.ContextTokens,
            MaxOutputTokens = model.MaxOutputTokens,
            LeavesBox = options.LeavesBox,
            Slots = options.Slots,
        }, key: number)));
    }

    private static IModelAdapter Create(string name, ProviderOptions options, string key, INetwork network, TimeProvider time) => options.Adapter switch
    {
        "anthropic" => new AnthropicAdapter(
            new AnthropicOptions { Provider = name, Url = new Uri(options.Url), Key = key, MaxOutputTokens = LimitsOf(options) }, network, time),
        _ => new OpenAiCompatibleAdapter(new OpenAiCompatibleOptions { Provider = name, Url = new Uri(options.Url), Key = key }, network, time),
    };

    private static Dictionary<string, int> LimitsOf(ProviderOptions options) =>
        options.Models.DistinctBy(m => m.Name).ToDictionary(m => m.Name, m => m.MaxOutputTokens, StringComparer.Ordinal);
}
