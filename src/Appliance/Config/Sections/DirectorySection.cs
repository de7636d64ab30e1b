using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Config.Sections;

internal static class DirectorySection
{
    public static RecordShape<DirectoryOptions> Shape { get; } = new(
        new Property<DirectoryOptions, string>("defaultOrganisation", "Organisation of users and teams that name none.",
            new TextShape(), o => o.DefaultOrganisation, (o, v) => o with { DefaultOrganisation = v }),
        new Property<DirectoryOptions, IReadOnlyDictionary<string, UserOptions>>("users", "By user name.", new MapShape<UserOptions>(
            new RecordShape<UserOptions>(new Property<UserOptions, string>("team", "Empty means none.", new TextShape(), o => o.Team, (o, v) => o with { Team = v })),
            () => new UserOptions()), o => o.Users, (o, v) => o with { Users = v }),
        new Property<DirectoryOptions, IReadOnlyDictionary<string, TeamOptions>>("teams", "By team name.", new MapShape<TeamOptions>(
            new RecordShape<TeamOptions>(new Property<TeamOptions, string>("organisation", "Empty means the default organisation.", new TextShape(),
                o => o.Organisation, (o, v) => o with { Organisation = v })),
            () => new TeamOptions()), o => o.Teams, (o, v) => o with { Teams = v }));
}
