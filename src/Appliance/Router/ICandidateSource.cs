using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>What an open link of a route asks for.</summary>
/// <param name="Peer">One by its id, or <c>*</c> for whoever is best.</param>
/// <param name="Model">The model there.</param>
/// <param name="Lane">How urgent, 0 the most: the number of the scheduler's lane.</param>
/// <param name="NowMs">Monotonic milliseconds.</param>
/// <param name="Dice">64 random bits.</param>
public readonly record struct SourceQuery(string Peer, string Model, ModelRequest Request, int Lane, long NowMs, ulong Dice)
{
    /// <summary>Boxes that the call has been through, by id: none of them is asked again.</summary>
    public IReadOnlyList<string> Visited { get; init; } = [];
}

/// <summary>Somebody who could have been found and was not, and why, in words.</summary>
public readonly record struct PassedOver(string Candidate, string Why);

/// <summary>Candidates that come and go, found when a call is planned: what stands in the place of a route's open link. Thread-safe; never blocks.</summary>
public interface ICandidateSource
{
    /// <summary>A longer list would only be tried when as many others have failed in a row.</summary>
    const int FoundMax = 4;

    /// <summary>Adds up to <see cref="FoundMax"/> candidates, the best first. Who is added keeps its <see cref="Candidate.Health"/> from one call to the next.</summary>
    void Find(in SourceQuery query, List<Candidate> found);

    /// <summary>Somebody offers the model, whether or not it would take a call now.</summary>
    bool Knows(string peer, string model);

    /// <summary>Why <see cref="Find"/> adds nobody.</summary>
    ModelError WhyNobody(in SourceQuery query);

    /// <summary>Who is passed over, and why, for explanations.</summary>
    void Explain(in SourceQuery query, List<PassedOver> passedOver);
}
