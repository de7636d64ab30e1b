namespace Jesus.Appliance.Security;

/// <summary>What may see the data of a call. A candidate below the class is never called with it.</summary>
public enum DataClass : byte
{
    /// <summary>May go to any candidate of the route.</summary>
    Public,

    /// <summary>Leaves the box only redacted.</summary>
    Internal,

    /// <summary>Never leaves the box.</summary>
    Restricted,
}

/// <summary>As users write it.</summary>
public static class DataClasses
{
    public static IReadOnlyList<(string Name, DataClass Class)> Names { get; } =
        [("public", DataClass.Public), ("internal", DataClass.Internal), ("restricted", DataClass.Restricted)];

    /// <summary>For messages.</summary>
    public static string All { get; } = string.Join(", ", Names.Select(n => n.Name));

    public static bool TryParse(string? text, out DataClass found)
    {
        foreach (var (name, data) in Names)
        {
            if (name == text)
            {
                found = data;
                return true;
            }
        }

        found = DataClass.Public;
        return false;
    }
}
