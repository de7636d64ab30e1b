namespace Jesus.Appliance.Host;

/// <summary>What the command line says about a daemon; the rest is configuration.</summary>
/// <param name="ConfigPath">Null takes the packaged file if it exists.</param>
/// <param name="StateFolder">Absolute path.</param>
/// <param name="Listen">Overrides <c>listen.http</c>; null leaves it.</param>
/// <param name="Models">Overrides <c>engine.modelFolders</c> with one folder; null leaves it.</param>
public sealed record ServeSettings(string? ConfigPath, string StateFolder, string? Listen, string? Models)
{
    public const string DefaultState = "/var/lib/jesus";

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
            flags.Add(("engine.modelFolders", $"[{Config.Shapes.JsonText.Quote(Path.GetFullPath(Models))}]", "--models"));
        }

        return [.. flags];
    }
}
