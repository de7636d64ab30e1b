using System.Net;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>One server's address.</summary>
/// <param name="TlsName">The name that its certificate must carry.</param>
internal sealed record ServerAddress(string Host, int Port, bool Tls, string TlsName, string User = "", string Password = "")
{
    public const int DefaultPort = 4222;

    public string Address => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    /// <summary><c>nats://[user[:password]@]host[:port]</c>, <c>tls://...</c>, or without the scheme.</summary>
    public static (ServerAddress? Server, string? Error) Parse(string url)
    {
        var text = url.Contains("://", StringComparison.Ordinal) ? url : "nats://" + url;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.Scheme is not ("nats" or "tls"))
        {
            return (null, $"'{WithoutSecret(url)}' is no NATS URL: nats://host:4222 or tls://host:4222");
        }

        var host = uri.Host.Trim('[', ']');
        var user = uri.UserInfo.Split(':', 2);
        var password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : "";
        return (new ServerAddress(host, uri.Port > 0 ? uri.Port : DefaultPort, uri.Scheme == "tls", host, Uri.UnescapeDataString(user[0]), password), null);
    }

    /// <summary>A server that this one's INFO tells of. By an address it is still the same cluster's certificate, under the name that we know.</summary>
    public ServerAddress? Discovered(string address) => Parse(address) is { Server: { } found }
        ? found with { Tls = Tls, TlsName = IPAddress.TryParse(found.Host, out _) ? TlsName : found.Host, User = User, Password = Password }
        : null;

    private static string WithoutSecret(string url) => url[(url.LastIndexOf('@') + 1)..];
}
