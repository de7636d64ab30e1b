using Jesus.Appliance.Security;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>One request at the door: the exchange, who asks, and the id under which answer, log and journal name it.</summary>
/// <param name="Http">Kestrel's exchange.</param>
/// <param name="Principal">As established from the socket, the address or the key.</param>
/// <param name="RequestId">The correlation id; never a secret.</param>
/// <param name="Started">When it came (<see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>).</param>
internal readonly record struct GatewayRequest(HttpContext Http, Principal Principal, string RequestId, long Started = 0)
{
    public CancellationToken Aborted => Http.RequestAborted;
}
