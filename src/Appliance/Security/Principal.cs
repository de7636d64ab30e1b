namespace Jesus.Appliance.Security;

public enum PrincipalKind : byte
{
    /// <summary>The box itself: a recovered run, a schedule.</summary>
    System,

    /// <summary>A process of this box, known by the unix socket's peer credentials or, without a socket, by loopback where the configuration trusts it.</summary>
    LocalSocket,

    ApiKey,

    /// <summary>Another box of the cluster, known by its place in the subject that the NATS server lets only it publish to.</summary>
    Peer,
}

[Flags]
public enum Roles : byte
{
    None = 0,

    /// <summary>Call models.</summary>
    Models = 1,

    /// <summary>Submit and steer one's own runs.</summary>
    Runs = 2,

    /// <summary>Keys, models, every run.</summary>
    Admin = 4,
    All = Models | Runs | Admin,
}

/// <summary>Who asks, as established at the door; immutable.</summary>
/// <param name="Id">Stable id for journal, budgets and logs, such as <c>key:3f9a</c> or <c>local:alice</c>; never a secret.</param>
/// <param name="User">User whose caps apply.</param>
/// <param name="Team">Team whose caps apply; empty when none.</param>
/// <param name="Organisation">Organisation whose caps apply.</param>
public sealed record Principal(string Id, PrincipalKind Kind, string User, string Team, string Organisation, Roles Roles)
{
    /// <summary>The box acting for itself.</summary>
    public static Principal System { get; } = new("system", PrincipalKind.System, "system", "", "default", Roles.All);

    public bool May(Roles role) => (Roles & role) == role;
}
