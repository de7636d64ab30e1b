using Jesus.Appliance.Security;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>Gathers what the connection and the headers tell and lets <see cref="PrincipalResolver"/> name the caller. A unix socket's peer is asked once per connection.</summary>
public sealed class Doorkeeper(PrincipalResolver resolver) : IDoorkeeper
{
    private static readonly object PeerKey = new();

    public (Principal? Principal, ApiFailure Failure) Admit(HttpContext http)
    {
        var headers = http.Request.Headers;
        var answer = resolver.Resolve(new DoorEvidence
        {
            PeerUid = PeerOf(http),
            Address = http.Connection.RemoteIpAddress,
            Authorization = headers.Authorization,
            ApiKey = headers["x-api-key"],
            Host = headers.Host,
            Origin = headers.Origin,
        });
        return (answer.Principal, answer.Principal is null ? ApiFailure.Unauthorized(answer.Refusal!) : default);
    }

    private static uint? PeerOf(HttpContext http)
    {
        var items = http.Features.Get<IConnectionItemsFeature>()?.Items;
        if (items is not null && items.TryGetValue(PeerKey, out var known))
        {
            return (uint?)known;
        }

        var peer = http.Features.Get<IConnectionSocketFeature>() is { } connection ? PeerCredentials.UserOf(connection.Socket) : null;
        items?.Add(PeerKey, peer);
        return peer;
    }
}
