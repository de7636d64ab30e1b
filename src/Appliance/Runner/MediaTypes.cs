namespace Jesus.Appliance.Runner;

/// <summary>Media types of artifacts by their names' ends.</summary>
internal static class MediaTypes
{
    public static string Of(string name, bool isText) => Path.GetExtension(name).ToLowerInvariant() switch
    {
        ".md" => "text/markdown; charset=utf-8",
        ".json" => "application/json",
        ".csv" => "text/csv; charset=utf-8",
        ".html" => "text/html; charset=utf-8",
        _ => isText ? "text/plain; charset=utf-8" : "application/json",
    };
}
