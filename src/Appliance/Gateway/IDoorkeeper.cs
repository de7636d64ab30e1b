using Jesus.Appliance.Security;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>Establishes who asks, from the socket, the address or the key. Thread-safe.</summary>
public interface IDoorkeeper
{
    /// <returns>The principal, or null and why not.</returns>
    (Principal? Principal, ApiFailure Failure) Admit(HttpContext http);
}
