using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.ObjectStore;

/// <summary>What a bucket says of an object (ADR-20's meta message).</summary>
public sealed record ObjectInfo
{
    private const string DigestPrefix = "SHA-256=";

    public required string Name { get; init; }
    public string Description { get; init; } = "";
    public required string Bucket { get; init; }

    /// <summary>Under this its chunks lie; another one for each time it is put.</summary>
    public required string Id { get; init; }
    public long Size { get; init; }
    public int Chunks { get; init; }

    /// <summary>SHA-256 of the whole, 32 bytes.</summary>
    public ReadOnlyMemory<byte> Digest { get; init; }
    public DateTimeOffset ModifiedAt { get; init; }
    public bool IsDeleted { get; init; }

    /// <summary>Revision of this word of it.</summary>
    public ulong Revision { get; init; }

    internal ReadOnlyMemory<byte> Encode() => JetStreamJson.Encode(this, static (json, info) =>
    {
        json.WriteString("name"u8, info.Name);
        JetStreamJson.WriteText(json, "description", info.Description);
        json.WriteString("bucket"u8, info.Bucket);
        json.WriteString("nuid"u8, info.Id);
        json.WriteNumber("size"u8, info.Size);
        json.WriteString("mtime"u8, JetStreamJson.Moment(info.ModifiedAt));
        json.WriteNumber("chunks"u8, info.Chunks);
        json.WriteString("digest"u8, DigestPrefix + PaddedBase64Url(info.Digest.Span));
        JetStreamJson.WriteFlag(json, "deleted", info.IsDeleted);
    });

    /// <summary>Null when it is not a meta message.</summary>
    internal static ObjectInfo? Read(ReadOnlyMemory<byte> payload, ulong revision)
    {
        try
        {
            using var document = JsonDocument.Parse(payload);
            var json = document.RootElement;
            var digest = JetStreamJson.TextOf(json, "digest");
            return new ObjectInfo
            {
                Name = JetStreamJson.TextOf(json, "name"),
                Description = JetStreamJson.TextOf(json, "description"),
                Bucket = JetStreamJson.TextOf(json, "bucket"),
                Id = JetStreamJson.TextOf(json, "nuid"),
                Size = JetStreamJson.LongOf(json, "size"),
                Chunks = (int)JetStreamJson.LongOf(json, "chunks"),
                Digest = digest.StartsWith(DigestPrefix, StringComparison.OrdinalIgnoreCase) ? Base64Url.DecodeFromChars(digest.AsSpan(DigestPrefix.Length)) : [],
                ModifiedAt = JetStreamJson.MomentOf(json, "mtime"),
                IsDeleted = JetStreamJson.FlagOf(json, "deleted"),
                Revision = revision,
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Names of objects are anything; as a token of a subject they are base64url, padded as the other clients pad it.</summary>
    internal static string Token(string name) => PaddedBase64Url(Encoding.UTF8.GetBytes(name));

    private static string PaddedBase64Url(ReadOnlySpan<byte> bytes)
    {
        var text = Base64Url.EncodeToString(bytes);
        return text.PadRight((text.Length + 3) / 4 * 4, '=');
    }
}
