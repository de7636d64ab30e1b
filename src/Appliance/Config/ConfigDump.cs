namespace Jesus.Appliance.Config;

/// <summary>The effective values, each with where it came from; secrets are masked.</summary>
public sealed class ConfigDump
{
    private readonly List<(string Path, string Json, string Source)> _values = [];

    public IReadOnlyList<(string Path, string Json, string Source)> Values => _values;

    internal void Add(string path, string json, ConfigNode? given) => _values.Add((path, json, given?.Place.ToString() ?? "default"));
}
