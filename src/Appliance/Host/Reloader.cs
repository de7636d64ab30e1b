using Jesus.Appliance.Budgets;
using Jesus.Appliance.Config;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Security;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>
/// SIGHUP and <c>systemctl reload</c>: reads the configuration again and, if nothing in it is wrong, puts routes, providers, prices, budgets, limits and the
/// directory in place of the old ones. Calls under way keep what they began with. On any error everything stays as it is.
/// </summary>
internal sealed class Reloader(Rooms rooms, Func<LoadedConfig> load, ApplianceConfig config, ILogger log)
{
    /// <summary>How often is looked whether the last call of a replaced table is over.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    /// <summary>What is taken from a new configuration; the rest needs a restart.</summary>
    private static readonly string[] Reloaded = ["routes", "providers", "prices", "budgets", "limits", "directory"];

    private readonly Lock _gate = new();
    private ApplianceConfig _config = config;

    /// <returns>Whether the new configuration holds now; the log names every error.</returns>
    public bool Reload()
    {
        lock (_gate)
        {
            var loaded = load();
            var errors = loaded.Errors.Select(e => e.ToString()).ToList();
            if (errors.Count == 0)
            {
                Apply(loaded.Config, errors);
            }

            foreach (var error in errors)
            {
                log.LogError("reload: {Error}", error);
            }

            if (errors.Count > 0)
            {
                log.LogError("reload: {Count} errors; the configuration stays as it was", errors.Count);
                return false;
            }

            NameWhatNeedsRestart(loaded.Config);
            _config = loaded.Config;
            log.LogInformation("reload: routes, providers, prices, budgets, limits and directory are those of the new configuration");
            return true;
        }
    }

    /// <summary>Everything is built before anything is replaced.</summary>
    private void Apply(ApplianceConfig config, List<string> errors)
    {
        var before = rooms.Providers;
        var providers = rooms.BuildProviders(config, before);
        var caps = CapTable.Build(config.Budgets, errors, Rooms.Self(config));
        var prices = PriceTable.Build(config.Prices, errors);
        if (errors.Count > 0 || !rooms.Models.TryReplace(config.Routes, providers.Candidates, errors))
        {
            providers.DisposeAllBut(before);
            return;
        }

        rooms.Providers = providers;
        rooms.Prices.Replace(prices, rooms.Time.GetUtcNow());
        rooms.Budgets.Replace(caps);
        rooms.Admission.Replace(config.Limits, rooms.Time.NowMs());
        rooms.Principals.Replace(new UserDirectory(config.Directory));
        _ = DisposeWhenIdleAsync(before, providers);
    }

    private async Task DisposeWhenIdleAsync(ProviderSet before, ProviderSet kept)
    {
        while (!rooms.Routes.RetiredAreIdle())
        {
            await Task.Delay(LookAgain, rooms.Time).ConfigureAwait(false);
        }

        before.DisposeAllBut(kept);
    }

    private void NameWhatNeedsRestart(ApplianceConfig config)
    {
        var old = ValuesOf(_config);
        var changed = ValuesOf(config).Where(v => !Reloaded.Contains(v.Key.Split('.')[0]) && old.GetValueOrDefault(v.Key) != v.Value).Select(v => v.Key).ToList();
        if (changed.Count > 0)
        {
            log.LogWarning("reload: these values hold after the next start: {Values}", string.Join(", ", changed.Take(20)));
        }
    }

    private static Dictionary<string, string> ValuesOf(ApplianceConfig config)
    {
        var loaded = new LoadedConfig(config, new ConfigNode(ConfigNodeKind.Object, new ConfigPlace("")), []);
        return loaded.Dump().Values.ToDictionary(v => v.Path, v => v.Json, StringComparer.Ordinal);
    }
}
