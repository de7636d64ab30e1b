using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>Calls between this box and its peers, both ways, as parts of the federation.</summary>
internal sealed class PeerCalls
{
    public PeerCalls(
        FederationHub hub, OwnModels own, UserDirectory directory, Func<ModelCall, IAnswerSink, CancellationToken, ValueTask<Outcome>> callModel, TimeProvider time,
        Func<ulong> dice, ILogger log)
    {
        var setup = new CallSetup
        {
            Time = time,
            Log = log,
            Dice = dice,
            CallModel = callModel,
            PrincipalOf = peer => hub.Options.CallerOf(peer)?.PrincipalOf(peer, directory),
            Find = own.Find,
        };
        var caller = new PeerCaller(setup, hub);
        Candidates = new PeerCandidates(hub.Peers, hub.Options, link => new PeerAdapter(link, caller));
        hub.Add(caller);
        hub.Add(new PeerCallServer(setup, hub));
    }

    public PeerCandidates Candidates { get; }

    /// <summary>What peers offer, each model once.</summary>
    public IReadOnlyList<ModelListing> Listings() =>
        [.. Candidates.Models().Select(m => new ModelListing(m.Model.Name, $"{PeerAdapter.Kind}/{m.Peer.Id}", 0, "remote", m.Model.ContextTokens, 0, "", m.Model.Abilities))];
}
