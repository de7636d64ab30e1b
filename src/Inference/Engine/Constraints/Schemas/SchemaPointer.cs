using System.Globalization;
using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>JSON pointers in URI fragments (RFC 6901, section 6).</summary>
internal static class SchemaPointer
{
    public static bool TryResolve(JsonElement root, string reference, out JsonElement target)
    {
        target = root;
        if (reference == "#")
        {
            return true;
        }

        if (!reference.StartsWith("#/", StringComparison.Ordinal))
        {
            return false;
        }

        foreach (var part in reference[2..].Split('/'))
        {
            var name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (!TryStep(target, name, out target))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryStep(JsonElement from, string name, out JsonElement to)
    {
        to = default;
        if (from.ValueKind == JsonValueKind.Object)
        {
            return from.TryGetProperty(name, out to);
        }

        if (from.ValueKind != JsonValueKind.Array || !int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            return false;
        }

        var found = index < from.GetArrayLength();
        to = found ? from[index] : default;
        return found;
    }
}
