namespace Jesus.Appliance.Config;

/// <summary>One thing that is wrong with the configuration.</summary>
/// <param name="Place">Where it was given.</param>
/// <param name="Path">Which value, such as <c>engine.threads</c>; empty for the whole file.</param>
/// <param name="Message">What is wrong and what is allowed.</param>
public sealed record ConfigError(ConfigPlace Place, string Path, string Message)
{
    public override string ToString() => Path.Length == 0 ? $"{Place}: {Message}" : $"{Place}: {Path}: {Message}";
}
