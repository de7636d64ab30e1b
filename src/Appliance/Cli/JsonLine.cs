using System.Buffers;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Gateway;

namespace Jesus.Appliance.Cli;

/// <summary>Builds one JSON object as text.</summary>
internal static class JsonLine
{
    public static string Of(Action<Utf8JsonWriter> members) => Encoding.UTF8.GetString(Bytes(members));

    public static byte[] Bytes(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
