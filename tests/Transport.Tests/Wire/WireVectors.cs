using System.Text.Json;

namespace Jesus.Transport.Tests.Wire;

/// <summary>Values and bytes as MemoryPack itself writes them, and bytes that it refuses.</summary>
internal static class WireVectors
{
    private static readonly JsonDocument Document = Load();

    public static IEnumerable<JsonElement> Values => Document.RootElement.GetProperty("vectors").EnumerateArray();
    public static IEnumerable<JsonElement> Malformed => Document.RootElement.GetProperty("malformed").EnumerateArray();

    public static JsonElement Named(string name) => Values.Concat(Malformed).First(vector => vector.GetProperty("name").GetString() == name);

    public static byte[] Bytes(JsonElement vector) => Convert.FromHexString(vector.GetProperty("hex").GetString()!);

    private static JsonDocument Load()
    {
        using var stream = typeof(WireVectors).Assembly.GetManifestResourceStream("memorypack-vectors.json")!;
        return JsonDocument.Parse(stream);
    }
}
