using Jesus.Appliance.Config;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security.Secrets;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>
/// The configured servers of models, as candidates: the adapters come from the table of <see cref="ProviderKinds"/>. A provider whose key or certificates
/// cannot be read is left out and named in the log.
/// </summary>
internal sealed class Providers : IDisposable
{
    private readonly List<IModelAdapter> _adapters = [];
    private readonly List<Candidate> _candidates = [];

    public Providers(ApplianceConfig config, SecretReader secrets, INetwork network, TimeProvider time, ILogger log)
    {
        foreach (var (name, options) in config.Providers)
        {
            // Every key is a door of its own: an adapter and its candidates for each.
            var keys = options.Keys.Count > 0 ? options.Keys : [options.Key];
            for (var i = 0; i < keys.Count; i++)
            {
                if (KeyOf(keys[i], secrets, out var error) is { } key && TrustOf(options.Tls, network, out error) is { } trusting)
                {
                    Add(new ProviderSetup(name, options, key, trusting, time), i + 1);
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
            (adapter as IDisposable)?.Dispose();
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

    /// <summary>The network, under the provider's own trust where it has one.</summary>
    private static INetwork? TrustOf(ProviderTlsOptions tls, INetwork network, out string? error)
    {
        error = null;
        if (tls.CaFile.Length == 0 && tls.CertificateFile.Length == 0)
        {
            return network;
        }

        (var trust, error) = TlsTrust.Read(tls.CaFile, tls.CertificateFile, tls.KeyFile);
        return trust is null ? null : new TcpNetwork(trust);
    }

    private void Add(ProviderSetup setup, int number)
    {
        var kind = ProviderKinds.All[setup.Options.Adapter];
        var adapter = kind.Make(setup);
        _adapters.Add(adapter);
        _candidates.AddRange(setup.Options.Models.Select(model => new Candidate(adapter, model.Name, new CandidateTraits
        {
            ContextTokens = model.ContextTokens,
            MaxOutputTokens = model.MaxOutputTokens,
            LeavesBox = setup.Options.LeavesBox,
            Slots = setup.Options.Slots > 0 ? setup.Options.Slots : kind.Slots,
            Abilities = AbilitiesOf(model, kind),
        }, key: number)));
    }

    private static Abilities AbilitiesOf(ProviderModelOptions model, ProviderKind kind)
    {
        var abilities = Abilities.None;
        foreach (var (name, ability) in AbilityNames.All)
        {
            abilities |= model.Abilities.Contains(name) ? ability : Abilities.None;
        }

        return model.Abilities.Count == 0 ? kind.Abilities : abilities;
    }
}
