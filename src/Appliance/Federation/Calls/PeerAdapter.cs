using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>A model of another box, called over NATS.</summary>
public sealed class PeerAdapter : IModelAdapter, IAnnouncesPrice
{
    public const string Kind = "peer";

    private readonly PeerCaller _caller;

    public PeerAdapter(PeerLink link, PeerCaller caller)
    {
        (Link, _caller) = (link, caller);
        Id = new AdapterId(Kind, $"{Kind}/{link.Peer}");
    }

    public AdapterId Id { get; }
    public PeerLink Link { get; }

    /// <summary>As the peer last announced it; a peer without a status of this model is asked nothing.</summary>
    public Price Price => _caller.Find(Link) is { } model
        ? Price.PerToken((decimal)model.Price.InputMicroUsd, (decimal)model.Price.OutputMicroUsd) with
        {
            ComputeSecond = (decimal)model.Price.ComputeSecondMicroUsd,
            ComputeSecondsMax = model.Price.ComputeSecondMicroUsd > 0 ? ComputeSecondsMax : 0,
        }
        : Price.Unknown;

    /// <summary>What a call is held for where a peer asks for its engine's time: as long as a usual deadline.</summary>
    private const int ComputeSecondsMax = 60;

    public CapacitySnapshot Capacity(ModelKey model)
    {
        if (_caller.FindPeer(Link) is not { } view || view.Find(Link.Model) is not { } offered)
        {
            return new CapacitySnapshot { InProgress = -1, TotalSlots = int.MaxValue };
        }

        return new CapacitySnapshot
        {
            Available = view.IsEligible,
            FreeSlots = offered.FreeSlots,

            // Not the peer's number: it has callers of its own, and its door is its own affair.
            TotalSlots = _caller.Limits.InboundPerCallerMax,
            InProgress = Math.Max(0, offered.TotalSlots - offered.FreeSlots),
            QueueDelay = TimeSpan.FromMilliseconds(offered.InteractiveDelayMs),
            ContextTokens = offered.ContextTokens,
            Numerics = offered.Numerics,
        };
    }

    public bool Forwards(ApiShape shape) => false;

    /// <summary>The peer's tokenizer and template are not here.</summary>
    public int CountInputTokens(ModelRequest request) => RequestBound.Tokens(request);

    public ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel) => _caller.CallAsync(Link, request, sink, cancel);
}
