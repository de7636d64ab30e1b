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
    public const string All = "public, internal, restricted";

    public static bool TryParse(string? text, out DataClass found)
    {
        (found, var isKnown) = text switch
        {
            "public" => (DataClass.Public, true),
            "internal" => (DataClass.Internal, true),
            "restricted" => (DataClass.Restricted, true),
            _ => (DataClass.Public, false),
        };
        return isKnown;
    }
}
