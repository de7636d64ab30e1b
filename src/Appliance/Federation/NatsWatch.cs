using Jesus.Transport.Nats;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation;

/// <summary>Hears of the connection's events: the log has each once, and knows why there is no connection.</summary>
internal sealed class NatsWatch(ILogger log) : INatsObserver
{
    /// <summary>Refusals of the server that were logged; a wrong permission is refused again at each message.</summary>
    private const int RefusalsMax = 64;

    private readonly HashSet<string> _refusals = new(StringComparer.Ordinal);

    /// <summary>Why there is no connection; empty while there is one, or nothing is known.</summary>
    public string Reason { get; private set; } = "";

    public void Observe(in NatsEvent what)
    {
        switch (what.Kind)
        {
            case NatsEventKind.Connected:
                Reason = "";
                break;
            case NatsEventKind.Disconnected or NatsEventKind.ConnectFailed:
                Reason = what.Detail.Length > 0 ? $"{what.Server}: {what.Detail}" : what.Server;
                break;
            case NatsEventKind.SlowConsumer:
                FederationMetrics.WasSlow();
                log.LogWarning("this box is too slow for {Subject}: {Count} messages were dropped up to now", what.Detail, what.Count);
                break;
            case NatsEventKind.ServerError:
                FederationMetrics.WasRefused();
                if (_refusals.Count < RefusalsMax && _refusals.Add(what.Detail))
                {
                    log.LogWarning("the NATS server {Server} refuses something: {Reason}", what.Server, what.Detail);
                }

                break;
            case NatsEventKind.LameDuck:
                log.LogInformation("the NATS server {Server} is about to stop", what.Server);
                break;
            default:
                break;
        }
    }
}
