using System.Security.Cryptography;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Router;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tools;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>Makes the part of a federation that carries runs anywhere.</summary>
internal sealed record DurableRoom(RunService Runs, IJournal Journal, IRunBlobs Blobs, ToolSet Tools, RouteTableHolder Routes, PrincipalResolver Principals)
{
    /// <returns>The runs as the doors shall see them: those of this box alone where the federation keeps none.</returns>
    public IRunService Join(FederationHub? hub, Readiness readiness, TimeProvider time, ILogger log)
    {
        if (hub is null || !hub.Options.Durable)
        {
            return Runs;
        }

        var options = new DurableOptions { Replicas = hub.Options.Replicas };
        var rooms = new DurableRooms
        {
            Runs = Runs,
            Journal = Journal,
            Blobs = Blobs,
            Self = hub.Self,
            Instance = RandomNumberGenerator.GetHexString(12, lowercase: true),
            PrincipalOf = by => PrincipalOf(by, hub.Self),
            Has = Has,
            Time = time,
            Log = log,
            Detail = detail => readiness.Set("durable", true, detail),
            IsConnected = () => hub.IsConnected,
        };
        var durable = new DurableRuns(rooms, new NatsRunReplicas(hub.Nats, hub.Cluster, hub.Self, options, time), options);
        hub.Add(durable);
        return new FederatedRuns(rooms, durable, options);
    }

    private bool Has(string need) => need.Split(':', 2) switch
    {
        ["tool", var name] => Tools.Find(name) is not null,
        ["model", var name] => Routes.Current.Find(name) is not null,
        _ => false, // of a later version
    };

    /// <summary>Whom the directory lists is placed by it; whom this very box let in is known to it.</summary>
    private Principal? PrincipalOf(Submitter by, string self)
    {
        const Roles roles = Roles.Runs | Roles.Models;
        var directory = Principals.Directory;
        return directory.Knows(by.User) ? directory.Place(by.Id, PrincipalKind.Peer, by.User, "", roles)
            : by.Origin == self ? new Principal(by.Id, PrincipalKind.Peer, by.User, by.Team, by.Organisation, roles)
            : null;
    }
}
