using System.Buffers;
using System.Text.Json;
using Jesus.Transport.Nats.Auth;

namespace Jesus.Transport.Nats.Protocol;

/// <summary><c>CONNECT json\r\nPING\r\n</c>: the PONG after it says that the server took us.</summary>
internal static class ConnectWriter
{
    private static ReadOnlySpan<byte> Ending => "\r\nPING\r\n"u8;

    public static ReadOnlyMemory<byte> Write(NatsOptions options, in NatsIdentity identity, bool tls)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        buffer.Write("CONNECT "u8);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteBoolean("verbose"u8, false);
            json.WriteBoolean("pedantic"u8, false);
            json.WriteBoolean("tls_required"u8, tls);
            json.WriteString("name"u8, options.Name);
            json.WriteString("lang"u8, "jesus"u8);
            json.WriteString("version"u8, "1"u8);
            json.WriteNumber("protocol"u8, 1);
            json.WriteBoolean("echo"u8, !options.NoEcho);
            json.WriteBoolean("headers"u8, true);
            json.WriteBoolean("no_responders"u8, true);
            WriteIfAny(json, "user"u8, identity.User);
            WriteIfAny(json, "pass"u8, identity.Password);
            WriteIfAny(json, "auth_token"u8, identity.Token);
            WriteIfAny(json, "jwt"u8, identity.Jwt);
            WriteIfAny(json, "nkey"u8, identity.Nkey);
            WriteIfAny(json, "sig"u8, identity.Signature);
            json.WriteEndObject();
        }

        buffer.Write(Ending);
        return buffer.WrittenMemory;
    }

    private static void WriteIfAny(Utf8JsonWriter json, ReadOnlySpan<byte> name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }
}
