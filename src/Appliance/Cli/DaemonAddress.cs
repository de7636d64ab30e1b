namespace Jesus.Appliance.Cli;

/// <summary>Which daemon a verb talks to.</summary>
/// <param name="Url">Base address, without a slash at the end.</param>
/// <param name="Socket">Path of its unix socket; null over TCP.</param>
internal sealed record DaemonAddress(string Url, string? Socket)
{
    public const string DefaultUrl = "http://127.0.0.1:7470";
    public const string PackagedSocket = "/run/jesus/jesus.sock";

    /// <summary>How people may reach it in a browser or with curl.</summary>
    public string Name => Socket is null ? Url : $"unix:{Socket}";

    /// <summary>In order: <c>--url</c>, <c>--state</c> (its socket), JESUS_URL, the packaged socket where it exists, the default port.</summary>
    public static DaemonAddress Find(string? url, string? state)
    {
        url ??= state is null ? Environment.GetEnvironmentVariable("JESUS_URL") : null;
        if (!string.IsNullOrEmpty(url))
        {
            return OfUrl(url);
        }

        if (state is not null)
        {
            return new DaemonAddress("http://jesus", Path.GetFullPath(Path.Combine(state, "jesus.sock")));
        }

        return Path.Exists(PackagedSocket) ? new DaemonAddress("http://jesus", PackagedSocket) : new DaemonAddress(DefaultUrl, null);
    }

    private static DaemonAddress OfUrl(string url)
    {
        if (url.StartsWith("unix:", StringComparison.Ordinal))
        {
            return new DaemonAddress("http://jesus", url["unix:".Length..]);
        }

        return Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? new DaemonAddress(url.TrimEnd('/'), null)
            : throw new VerbException(ExitCodes.BadUsage, $"--url '{url}' is no address. Write http://HOST:PORT, https://HOST:PORT or unix:/path/to/jesus.sock.");
    }
}
