namespace Jesus.Appliance.Security;

/// <summary>Configuration section <c>directory</c>: who belongs where. A user or team that is not listed belongs to no team and to <see cref="DefaultOrganisation"/>.</summary>
public sealed record DirectoryOptions
{
    public string DefaultOrganisation { get; init; } = "default";

    /// <summary>By user name. At most 100,000: the snapshot stays in memory.</summary>
    public IReadOnlyDictionary<string, UserOptions> Users { get; init; } = new Dictionary<string, UserOptions>(StringComparer.Ordinal);

    /// <summary>By team name.</summary>
    public IReadOnlyDictionary<string, TeamOptions> Teams { get; init; } = new Dictionary<string, TeamOptions>(StringComparer.Ordinal);
}

/// <summary>One user of <see cref="DirectoryOptions"/>.</summary>
public sealed record UserOptions
{
    /// <summary>Empty means none.</summary>
    public string Team { get; init; } = "";
}

/// <summary>One team of <see cref="DirectoryOptions"/>.</summary>
public sealed record TeamOptions
{
    /// <summary>Empty means <see cref="DirectoryOptions.DefaultOrganisation"/>.</summary>
    public string Organisation { get; init; } = "";
}
