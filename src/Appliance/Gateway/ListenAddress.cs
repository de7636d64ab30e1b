using System.Globalization;
using System.Net;

namespace Jesus.Appliance.Gateway;

/// <summary>Reads <c>http://ADDRESS:PORT</c>.</summary>
public static class ListenAddress
{
    /// <returns>False for other schemes, names that are no address, and paths.</returns>
    public static bool TryParse(string url, out IPEndPoint endpoint)
    {
        endpoint = new IPEndPoint(IPAddress.Loopback, 0);
        const string Scheme = "http://";
        if (!url.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = url[Scheme.Length..].TrimEnd('/');
        var colon = rest.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > 65535)
        {
            return false;
        }

        var host = rest[..colon] switch { "localhost" => "127.0.0.1", "*" => "0.0.0.0", var other => other.Trim('[', ']') };
        if (!IPAddress.TryParse(host, out var address))
        {
            return false;
        }

        endpoint = new IPEndPoint(address, port);
        return true;
    }
}
