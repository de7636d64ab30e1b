using System.Text;
using System.Text.Json;

namespace Jesus.Transport.Nats.Protocol;

/// <summary>The JSON of INFO. Members that are not known are skipped, as the protocol asks.</summary>
internal static class InfoReader
{
    /// <summary>Addresses of a cluster that are looked at.</summary>
    private const int UrlsMax = 256;

    public static NatsServerInfo? Read(ReadOnlySpan<byte> json, string address)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? ReadObject(ref reader, address) : null;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static NatsServerInfo ReadObject(ref Utf8JsonReader reader, string address)
    {
        var info = new NatsServerInfo { Address = address };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Encoding.UTF8.GetString(reader.ValueSpan);
            reader.Read();
            info = With(info, name, ref reader);
        }

        return info;
    }

    private static NatsServerInfo With(NatsServerInfo info, string name, ref Utf8JsonReader reader)
    {
        switch (name)
        {
            case "server_id": return info with { Id = reader.GetString() ?? "" };
            case "server_name": return info with { Name = reader.GetString() ?? "" };
            case "version": return info with { Version = reader.GetString() ?? "" };
            case "cluster": return info with { Cluster = reader.GetString() ?? "" };
            case "nonce": return info with { Nonce = reader.GetString() ?? "" };
            case "client_id": return info with { ClientId = reader.GetUInt64() };
            case "max_payload": return info with { MaxPayload = (int)Math.Clamp(reader.GetInt64(), 0, 1 << 30) };
            case "headers": return info with { Headers = reader.GetBoolean() };
            case "jetstream": return info with { JetStream = reader.GetBoolean() };
            case "tls_required": return info with { TlsRequired = reader.GetBoolean() };
            case "tls_available": return info with { TlsAvailable = reader.GetBoolean() };
            case "auth_required": return info with { AuthRequired = reader.GetBoolean() };
            case "ldm": return info with { LameDuck = reader.GetBoolean() };
            case "connect_urls": return info with { ConnectUrls = ReadUrls(ref reader) };
            default:
                reader.Skip();
                return info;
        }
    }

    private static List<string> ReadUrls(ref Utf8JsonReader reader)
    {
        var urls = new List<string>();
        while (reader.TokenType != JsonTokenType.Null && reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.GetString() is { Length: > 0 } url && urls.Count < UrlsMax)
            {
                urls.Add(url);
            }
        }

        return urls;
    }
}
