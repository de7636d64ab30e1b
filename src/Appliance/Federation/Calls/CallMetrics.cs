using System.Diagnostics.Metrics;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>The instruments of calls between boxes.</summary>
internal static class CallMetrics
{
    private static readonly Counter<long> Inbound = JesusMeter.Instance.CreateCounter<long>(
        "peer_calls_total", description: "Calls of peers that this box was asked, by what became of them.");
    private static readonly KeyValuePair<string, object?>[] Reasons =
        [.. Enum.GetValues<RefusalReason>().Select(r => new KeyValuePair<string, object?>("outcome", r == RefusalReason.None ? "taken" : r.ToString().ToLowerInvariant()))];

    public static void Taken() => Inbound.Add(1, Reasons[0]);

    public static void Refused(RefusalReason reason) => Inbound.Add(1, Reasons[(int)reason]);
}
