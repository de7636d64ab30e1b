using System.Diagnostics.Metrics;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Telemetry;
using Jesus.Transport.Nats;

namespace Jesus.Appliance.Federation;

/// <summary>The instruments of the federation. They show the hub that was started last; a process of the product has one.</summary>
internal static class FederationMetrics
{
    /// <summary>Peers with a series of their own; larger fleets are watched by the counts of states.</summary>
    private const int PeersShownMax = 500;

    private static readonly Counter<long> Statuses = JesusMeter.Instance.CreateCounter<long>(
        "peer_statuses_total", description: "Statuses of peers that came, by what became of them.");
    private static readonly Counter<long> SlowConsumers = JesusMeter.Instance.CreateCounter<long>(
        "nats_slow_consumers_total", description: "Times that a subscription of this box began to drop messages because it was too slow.");
    private static readonly Counter<long> ServerErrors = JesusMeter.Instance.CreateCounter<long>(
        "nats_server_errors_total", description: "Refusals by the NATS server, such as a permission that lacks.");
    private static readonly KeyValuePair<string, object?>[] Verdicts =
    [
        .. Enum.GetValues<StatusVerdict>().Select(v => new KeyValuePair<string, object?>("outcome", v switch
        {
            StatusVerdict.OwnIdTaken => "own_id_taken",
            StatusVerdict.DuplicateId => "duplicate_id",
            StatusVerdict.TooOften => "too_often",
            StatusVerdict.TableFull => "table_full",
            _ => v.ToString().ToLowerInvariant(),
        })),
    ];

    private static volatile FederationHub? _watched;

    static FederationMetrics()
    {
        _ = JesusMeter.Instance.CreateObservableGauge("peer_up", () => PerPeer(static (p, _) => p.State is PeerState.Alive or PeerState.Draining ? 1 : 0),
            description: "1 for a peer whose statuses come.");
        _ = JesusMeter.Instance.CreateObservableGauge("peer_eligible", () => PerPeer(static (p, _) => p.IsEligible ? 1 : 0), description: "1 for a peer that may be sent calls.");
        _ = JesusMeter.Instance.CreateObservableGauge("peer_status_age_seconds", () => PerPeer(static (p, now) => p.AgeMs(now) / 1_000.0), "s", "Since the peer's last status.");
        _ = JesusMeter.Instance.CreateObservableGauge("peers", States, description: "Peers by state.");
        _ = JesusMeter.Instance.CreateObservableGauge("nats_up", () => Nats(static n => n.State == NatsState.Connected ? 1 : 0),
            description: "1 while this box is connected to NATS.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_connects_total", () => Nats(static n => n.Statistics.Connects),
            description: "Connections to NATS that came to stand.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_reconnects_total", () => Nats(static n => Math.Max(0, n.Statistics.Connects - 1)),
            description: "Connections to NATS after the first.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_connect_failures_total", () => Nats(static n => n.Statistics.ConnectFailures),
            description: "Attempts to connect to NATS that failed.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_messages_total", () => Both(static s => (s.MessagesIn, s.MessagesOut)), description: "NATS messages, by direction.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_bytes_total", () => Both(static s => (s.BytesIn, s.BytesOut)), "By", "Bytes from and to NATS, by direction.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_dropped_total", () => Nats(static n => n.Statistics.Dropped),
            description: "Messages that subscriptions of this box were too slow for.");
        _ = JesusMeter.Instance.CreateObservableCounter("nats_oversized_total", () => Nats(static n => n.Statistics.Oversized),
            description: "Messages over the limit of size, skipped.");
        _ = JesusMeter.Instance.CreateObservableGauge("nats_pending_bytes", () => Nats(static n => n.Statistics.PendingBytes), "By", "Bytes that wait to be sent to NATS.");
    }

    /// <summary>The hub that the gauges show.</summary>
    public static void Watch(FederationHub hub) => _watched = hub;

    public static void Unwatch(FederationHub hub) => _watched = _watched == hub ? null : _watched;

    public static void Heard(StatusVerdict verdict) => Statuses.Add(1, Verdicts[(int)verdict]);

    public static void WasSlow() => SlowConsumers.Add(1);

    public static void WasRefused() => ServerErrors.Add(1);

    private static IEnumerable<Measurement<double>> PerPeer(Func<PeerView, long, double> value)
    {
        if (_watched is not { } hub)
        {
            yield break;
        }

        var now = hub.NowMs;
        foreach (var peer in hub.Peers.Current.Take(PeersShownMax))
        {
            yield return new Measurement<double>(value(peer, now), new KeyValuePair<string, object?>("peer", peer.Id));
        }
    }

    private static IEnumerable<Measurement<long>> States() => _watched is not { } hub
        ? []
        : Enum.GetValues<PeerState>().Select(state => new Measurement<long>(
            hub.Peers.Current.LongCount(p => p.State == state), new KeyValuePair<string, object?>("state", state.ToString().ToLowerInvariant())));

    private static IEnumerable<Measurement<long>> Nats(Func<NatsConnection, long> value) => _watched is { } hub ? [new Measurement<long>(value(hub.Nats))] : [];

    private static IEnumerable<Measurement<long>> Both(Func<NatsStatistics, (long In, long Out)> value)
    {
        if (_watched is not { } hub)
        {
            return [];
        }

        var (received, sent) = value(hub.Nats.Statistics);
        return [new(received, new KeyValuePair<string, object?>("direction", "in")), new(sent, new KeyValuePair<string, object?>("direction", "out"))];
    }
}
