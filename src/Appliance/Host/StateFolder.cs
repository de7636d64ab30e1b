using System.Text;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Host;

/// <summary>Where a daemon keeps what: <c>journal/</c>, <c>jesus.db</c>, <c>artifacts/</c>, <c>models/</c>, and while it runs <c>jesus.sock</c> and <c>url</c>.</summary>
public sealed class StateFolder(string root, IDisk disk)
{
    /// <summary>sun_path of unix(7) holds 108 bytes with the closing zero.</summary>
    private const int SocketPathBytesMax = 107;

    public string Root { get; } = root;
    public string Journal => Path.Combine(Root, "journal");
    public string Database => Path.Combine(Root, "jesus.db");
    public string Artifacts => Path.Combine(Root, "artifacts");
    public string Runs => Path.Combine(Root, "runs");
    public string Models => Path.Combine(Root, "models");

    /// <summary>Hashes of model files, so that none is read only for its hash at each start. May be deleted.</summary>
    public string ModelHashes => Path.Combine(Root, "model-hashes");

    /// <summary>Holds the address of the HTTP port while the daemon is ready, for scripts that asked for a free one.</summary>
    public string UrlFile => Path.Combine(Root, "url");

    public void Create()
    {
        disk.CreateDirectory(Root);
        disk.CreateDirectory(Artifacts);
        disk.CreateDirectory(Models);
    }

    /// <summary>The unix socket: as configured, else the runtime folder that systemd made, else in the state folder.</summary>
    public string SocketPath(string configured)
    {
        var runtime = Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY");
        return configured.Length > 0 ? configured : Path.Combine(string.IsNullOrEmpty(runtime) ? Root : runtime.Split(':')[0], "jesus.sock");
    }

    public static bool FitsSocket(string path) => Encoding.UTF8.GetByteCount(path) <= SocketPathBytesMax;

    public void WriteUrl(string url)
    {
        RemoveUrl();
        using var file = disk.Open(UrlFile, DiskOpen.CreateNew);
        file.Write(0, Encoding.UTF8.GetBytes(url));
    }

    public void RemoveUrl()
    {
        if (disk.FileExists(UrlFile))
        {
            disk.Delete(UrlFile);
        }
    }
}
