namespace Jesus.Appliance.Security;

/// <summary>Immutable snapshot of users, teams and organisations; a reload makes a new one.</summary>
public sealed class UserDirectory(DirectoryOptions options)
{
    /// <summary>A principal with the team and organisation that the directory gives its user.</summary>
    /// <param name="team">Used instead of the user's own team when not empty.</param>
    public Principal Place(string id, PrincipalKind kind, string user, string team, Roles roles)
    {
        team = team.Length > 0 ? team : TeamOf(user);
        return new Principal(id, kind, user, team, OrganisationOf(team), roles);
    }

    /// <summary>Whether the user is listed.</summary>
    public bool Knows(string user) => options.Users.ContainsKey(user);

    public string TeamOf(string user) => options.Users.TryGetValue(user, out var found) ? found.Team : "";

    public string OrganisationOf(string team) =>
        options.Teams.TryGetValue(team, out var found) && found.Organisation.Length > 0 ? found.Organisation : options.DefaultOrganisation;

    /// <summary>Every error at once: teams that are named but not listed.</summary>
    public static IEnumerable<string> Check(DirectoryOptions options)
    {
        foreach (var (user, entry) in options.Users)
        {
            if (entry.Team.Length > 0 && !options.Teams.ContainsKey(entry.Team))
            {
                var known = options.Teams.Count == 0 ? "there are none" : "there are: " + string.Join(", ", options.Teams.Keys);
                yield return $"directory.users.{user}.team: there is no team '{entry.Team}' in directory.teams ({known})";
            }
        }
    }
}
