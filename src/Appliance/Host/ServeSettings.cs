namespace Jesus.Appliance.Host;

/// <summary>What the command line says about a daemon; the rest is configuration.</summary>
/// <param name="ConfigPath">Null takes the packaged file if it exists.</param>
/// <param name="StateFolder">Absolute path.</param>
/// <param name="Listen">Overrides <c>listen.http</c>; null leaves it.</param>
/// <param name="Models">A folder of model files besides the state folder's own; null leaves <c>engine.modelFolders</c>.</param>
public sealed record ServeSettings(string? ConfigPath, string StateFolder, string? Listen, string? Models)
{
    public const string DefaultState = "/var/lib/jesus";

    /// <summary>The configuration as it is now: file, environment, flags.</summary>
    public Config.LoadedConfig Load() => Config.ConfigLoader.Load(ConfigPath, Environment.GetEnvironmentVariables(), Overrides());

    /// <summary>The flags as overrides of configuration values.</summary>
    public (string Path, string Text, string Flag)[] Overrides()
    {
        var flags = new List<(string, string, string)>();
        if (Listen is not null)
        {
            flags.Add(("listen.http", Listen, "--listen"));
        }

        if (Models is not null)
        {
            var own = Config.Shapes.JsonText.Quote(Path.Combine(StateFolder, "models"));
            flags.Add(("engine.modelFolders", $"[{own},{Config.Shapes.JsonText.Quote(Path.GetFullPath(Models))}]", "--models"));
        }

        return [.. flags];
    }
}
