using System.Security.Cryptography;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Config.Sections;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security.Secrets;

namespace Jesus.Appliance.Host;

/// <summary>
/// The providers of one configuration, each by itself, so that a reload keeps those whose entry and keys did not change, with their connections and
/// health. Immutable; who replaces a set disposes what the next does not keep, after the last call.
/// </summary>
internal sealed class ProviderSet : IDisposable
{
    private readonly Dictionary<string, Entry> _entries;

    private ProviderSet(Dictionary<string, Entry> entries) => _entries = entries;

    public static ProviderSet Empty { get; } = new([]);

    public IReadOnlyList<Candidate> Candidates => [.. _entries.Values.SelectMany(e => e.Providers.Candidates)];

    /// <param name="before">From which unchanged providers are taken over.</param>
    /// <param name="make">Makes the adapters of a configuration that has one provider.</param>
    public static ProviderSet Build(ApplianceConfig config, ProviderSet before, SecretReader secrets, Func<ApplianceConfig, Providers> make)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        foreach (var (name, options) in config.Providers)
        {
            var print = PrintOf(name, options, secrets);
            entries[name] = before._entries.TryGetValue(name, out var known) && known.Print == print
                ? known
                : new Entry(print, make(config with { Providers = new Dictionary<string, ProviderOptions> { [name] = options } }));
        }

        return new ProviderSet(entries);
    }

    /// <summary>Ends the providers that the other set does not have.</summary>
    public void DisposeAllBut(ProviderSet other)
    {
        foreach (var (name, entry) in _entries)
        {
            if (!other._entries.TryGetValue(name, out var kept) || kept.Providers != entry.Providers)
            {
                entry.Providers.Dispose();
            }
        }
    }

    public void Dispose() => DisposeAllBut(Empty);

    /// <summary>The entry as written and a digest of its keys, which may have changed behind the same reference.</summary>
    private static string PrintOf(string name, ProviderOptions options, SecretReader secrets)
    {
        var dump = new ConfigDump();
        ProvidersSection.Shape.Dump(dump, "", new Dictionary<string, ProviderOptions> { [name] = options }, null);
        var text = new StringBuilder();
        foreach (var (path, json, _) in dump.Values)
        {
            _ = text.Append(path).Append('=').Append(json).Append('\n');
        }

        foreach (var key in options.Keys.Append(options.Key).Where(k => k.Length > 0))
        {
            _ = text.Append(secrets.Read(key).Secret?.Reveal()).Append('\n');
        }

        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private sealed record Entry(string Print, Providers Providers);
}
