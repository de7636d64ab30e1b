using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Totals;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary>
/// <c>GET /api/v1/peers</c>, for administrators: this box as it says it is, every peer with its age and why nothing is sent to it, the connection, and what all boxes
/// together have done.
/// </summary>
internal sealed class PeersEndpoint(FederationHub? hub)
{
    public Task HandleAsync(GatewayRequest request) => JsonReply.SendAsync(request.Http, 200, json =>
    {
        json.WriteBoolean("enabled"u8, hub is not null);
        if (hub is null)
        {
            json.WriteStartArray("peers"u8);
            json.WriteEndArray();
            return;
        }

        var now = hub.NowMs;
        json.WriteString("cluster"u8, hub.Cluster);
        json.WriteString("peer"u8, hub.Self);
        json.WriteNumber("interval_ms"u8, hub.IntervalMs);
        WriteNats(json, hub);
        WriteModels(json, hub.OwnModels);
        json.WriteStartArray("peers"u8);
        foreach (var peer in hub.Peers.Current.OrderBy(p => p.Id, StringComparer.Ordinal))
        {
            WritePeer(json, peer, now);
        }

        json.WriteEndArray();
        WriteTotals(json, hub, now);
    });

    private static void WriteNats(Utf8JsonWriter json, FederationHub hub)
    {
        json.WriteStartObject("nats"u8);
        json.WriteString("state"u8, hub.NatsState);
        json.WriteString("detail"u8, hub.Detail);
        json.WriteEndObject();
    }

    private static void WritePeer(Utf8JsonWriter json, PeerView peer, long now)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, peer.Id);
        json.WriteString("state"u8, NameOf(peer.State));
        json.WriteNumber("age_ms"u8, peer.AgeMs(now));
        json.WriteNumber("interval_ms"u8, peer.IntervalMs);
        json.WriteNumber("known_for_ms"u8, Math.Max(0, now - peer.SinceMs));
        json.WriteString("version"u8, peer.Version);
        json.WriteBoolean("eligible"u8, peer.IsEligible);
        if (!peer.IsEligible)
        {
            json.WriteString("why_not"u8, peer.WhyNotEligible(now));
        }

        json.WriteNumber("flaps"u8, peer.Flaps);
        WriteModels(json, peer.Models);
        json.WriteEndObject();
    }

    private static void WriteModels(Utf8JsonWriter json, IReadOnlyList<PeerModelView> models)
    {
        json.WriteStartArray("models"u8);
        foreach (var model in models)
        {
            WriteModel(json, model);
        }

        json.WriteEndArray();
    }

    private static void WriteModel(Utf8JsonWriter json, PeerModelView model)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, model.Name);
        json.WriteBoolean("loaded"u8, model.IsLoaded);
        json.WriteNumber("context_tokens"u8, model.ContextTokens);
        json.WriteStartObject("delay_ms"u8);
        json.WriteNumber("interactive"u8, model.InteractiveDelayMs);
        json.WriteNumber("agent"u8, model.AgentDelayMs);
        json.WriteNumber("batch"u8, model.BatchDelayMs);
        json.WriteEndObject();
        json.WriteNumber("free_slots"u8, model.FreeSlots);
        json.WriteNumber("slots"u8, model.TotalSlots);
        json.WriteNumber("free_kv_blocks"u8, model.FreeKvBlocks);
        json.WriteNumber("prefill_tokens_per_second"u8, MathF.Round(model.PrefillTokensPerSecond, 1));
        json.WriteNumber("decode_tokens_per_second"u8, MathF.Round(model.DecodeTokensPerSecond, 1));
        json.WriteNumber("input_usd_per_million"u8, model.Price.InputMicroUsd);
        json.WriteNumber("output_usd_per_million"u8, model.Price.OutputMicroUsd);
        json.WriteNumber("warm_prefixes"u8, model.PrefixDigests.Length);
        if (!model.Numerics.IsUnknown)
        {
            json.WriteString("numerics"u8, string.Create(CultureInfo.InvariantCulture,
                $"{model.Numerics.ModelHash:x16}-{model.Numerics.TemplateHash:x16}-{model.Numerics.KvType}-{model.Numerics.Kernels}"));
        }

        json.WriteEndObject();
    }

    private static void WriteTotals(Utf8JsonWriter json, FederationHub hub, long now)
    {
        var totals = hub.Totals.View();
        json.WriteStartObject("totals"u8);
        json.WriteNumber("boxes"u8, totals.Length);
        var sum = default(BoxCounts);
        foreach (var box in totals)
        {
            sum += box.Counts;
        }

        WriteCounts(json, sum);
        json.WriteStartArray("by_box"u8);
        foreach (var box in totals)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, box.Peer);
            json.WriteNumber("age_ms"u8, Math.Max(0, now - box.SeenMs));
            WriteCounts(json, box.Counts);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteCounts(Utf8JsonWriter json, in BoxCounts counts)
    {
        json.WriteNumber("calls"u8, counts.Calls);
        json.WriteNumber("errors"u8, counts.Errors);
        json.WriteNumber("input_tokens"u8, counts.InputTokens);
        json.WriteNumber("output_tokens"u8, counts.OutputTokens);
        json.WriteNumber("cost_usd"u8, counts.MicroUsd / 1_000_000m);
        json.WriteNumber("runs"u8, counts.Runs);
    }

    private static string NameOf(PeerState state) => state switch
    {
        PeerState.Alive => "alive",
        PeerState.Suspect => "suspect",
        PeerState.Gone => "gone",
        _ => "draining",
    };
}
