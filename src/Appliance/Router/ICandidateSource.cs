using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>What is asked of a <see cref="ICandidateSource"/> for one link of a route.</summary>
/// <param name="Peer">The box that the link names, or <c>*</c> for any.</param>
/// <param name="Model">The model as the peers call it.</param>
/// <param name="Request">What is to be asked; read for its beginning and for where it has been.</param>
/// <param name="NowMs">Monotonic milliseconds.</param>
/// <param name="Dice">64 random bits.</param>
public readonly record struct SourceAsk(string Peer, string Model, ModelRequest Request, long NowMs, ulong Dice)
{
    /// <summary>As <see cref="ModelRequest.Priority"/>: the call's lane, 0 the most urgent.</summary>
    public int Priority { get; init; }
}

/// <summary>A box that was looked at for a link of a route.</summary>
/// <param name="Place">From 1 in the order of preference; 0 when it is left out.</param>
/// <param name="Why">Why it is left out; else what speaks for its place.</param>
/// <param name="FirstTokenMs">When its first token is expected; -1 when it was not reckoned.</param>
public readonly record struct ExplainedPeer(string Peer, string Model, int Place, string Why, double FirstTokenMs);

/// <summary>Candidates that come and go, so that a route can not hold them: the models of peers. Asked when a call is planned. Thread-safe.</summary>
public interface ICandidateSource
{
    /// <summary>Adds a few candidates for the link, the best first. Allocates nothing once it knows them.</summary>
    /// <returns><c>default</c>, or why there is none.</returns>
    ModelError Expand(in SourceAsk ask, CandidateList into, int link);

    /// <summary>A route to whoever offers a model of that name; null where nobody does.</summary>
    Route? RouteFor(string model);

    /// <summary>Everybody who was looked at, and what was found.</summary>
    void Explain(in SourceAsk ask, ICollection<ExplainedPeer> into);
}
