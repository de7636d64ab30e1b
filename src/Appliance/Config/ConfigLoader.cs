using System.Collections;
using System.Text.Json;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Config;

/// <summary>What was loaded: the options, what they came from, and everything that is wrong.</summary>
public sealed record LoadedConfig(ApplianceConfig Config, ConfigNode Given, IReadOnlyList<ConfigError> Errors)
{
    public bool IsValid => Errors.Count == 0;

    public ConfigDump Dump()
    {
        var dump = new ConfigDump();
        ApplianceShape.Root.Dump(dump, "", Config, Given);
        return dump;
    }
}

/// <summary>Composes the configuration: defaults, then the file, then <c>JESUS__</c> variables, then flags. All errors are found at once.</summary>
public static class ConfigLoader
{
    public const string DefaultPath = "/etc/jesus/jesus.json";

    /// <param name="path">The file; null takes <see cref="DefaultPath"/> if it exists.</param>
    /// <param name="environment">Variables of the process.</param>
    /// <param name="flags">Path of a value, the text given, and the flag's name.</param>
    public static LoadedConfig Load(string? path, IDictionary environment, params (string Path, string Text, string Flag)[] flags)
    {
        var errors = new List<ConfigError>();
        var root = ReadFile(path, errors);
        return Compose(root, environment, flags, errors);
    }

    /// <summary>The same over bytes in memory.</summary>
    public static LoadedConfig Parse(ReadOnlySpan<byte> json, string name, IDictionary environment, params (string Path, string Text, string Flag)[] flags)
    {
        var errors = new List<ConfigError>();
        return Compose(ConfigFile.Parse(json, name, errors), environment, flags, errors);
    }

    public static void WriteSchema(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("$schema"u8, "https://json-schema.org/draft/2020-12/schema"u8);
        json.WriteString("title"u8, "Jesus configuration"u8);
        WriteRoot(json);
        json.WriteEndObject();
    }

    private static void WriteRoot(Utf8JsonWriter json) => ApplianceShape.Root.WriteSchema(json, new ApplianceConfig());

    private static LoadedConfig Compose(ConfigNode root, IDictionary environment, (string Path, string Text, string Flag)[] flags, List<ConfigError> errors)
    {
        EnvironmentOverrides.Apply(root, ApplianceShape.Root, environment, errors);
        foreach (var (path, text, flag) in flags)
        {
            EnvironmentOverrides.Set(root, ApplianceShape.Root, path.Split('.'), text, new ConfigPlace(flag), errors);
        }

        var config = ApplianceShape.Root.Read(root, new ApplianceConfig(), "", errors);
        CheckTogether(config, root, errors);
        return new LoadedConfig(config, root, errors);
    }

    /// <summary>What the rooms themselves check of their options; their messages begin with the path.</summary>
    private static void CheckTogether(ApplianceConfig config, ConfigNode root, List<ConfigError> errors)
    {
        var found = new List<string>();
        _ = CapTable.Build(config.Budgets, found);
        _ = PriceTable.Build(config.Prices, found);
        LimitBook.Check(config.Limits, found);
        found.AddRange(UserDirectory.Check(config.Directory));
        errors.AddRange(found.Select(message => new ConfigError(new ConfigPlace(root.Place.Name), "", message)));
    }

#pragma warning disable RS0030 // An edge: read once, before there is a disk seam, by people's own hands written.
    private static ConfigNode ReadFile(string? path, List<ConfigError> errors)
    {
        var file = path ?? DefaultPath;
        try
        {
            if (path is not null || File.Exists(file))
            {
                return ConfigFile.Parse(File.ReadAllBytes(file), file, errors);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add(new ConfigError(new ConfigPlace(file), "", "cannot be read: " + e.Message));
        }

        return new ConfigNode(ConfigNodeKind.Object, new ConfigPlace(file));
    }
#pragma warning restore RS0030
}
