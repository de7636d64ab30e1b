using System.Text.Json;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>What the owner of a run is told to do, by whom: <c>cancel</c>, or <c>approve</c> with its answer. The box where it was given checked that they may.</summary>
internal sealed record RunOrder(string Kind, Principal By, string Step = "", bool Approved = false, string Note = "")
{
    public const string Cancel = "cancel";
    public const string Approve = "approve";

    public byte[] Encode()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("kind"u8, Kind);
            json.WriteString("by"u8, By.Id);
            json.WriteString("user"u8, By.User);
            json.WriteBoolean("admin"u8, By.May(Roles.Admin));
            json.WriteString("step"u8, Step);
            json.WriteBoolean("approved"u8, Approved);
            json.WriteString("note"u8, Note);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <returns>Null when it is none.</returns>
    public static RunOrder? Decode(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8);
            var json = document.RootElement;
            var roles = Roles.Runs | (json.GetProperty("admin"u8).GetBoolean() ? Roles.Admin : Roles.None);
            return new RunOrder(
                json.GetProperty("kind"u8).GetString()!,
                new Principal(json.GetProperty("by"u8).GetString()!, PrincipalKind.Peer, json.GetProperty("user"u8).GetString()!, "", "", roles),
                json.GetProperty("step"u8).GetString()!,
                json.GetProperty("approved"u8).GetBoolean(),
                json.GetProperty("note"u8).GetString()!);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
