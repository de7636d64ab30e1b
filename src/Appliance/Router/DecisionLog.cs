using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>One line of the decision log: a candidate and what became of it.</summary>
/// <param name="Candidate"><c>provider/model</c>.</param>
/// <param name="Verdict">Why it was chosen, skipped or left.</param>
/// <param name="Cause"><see cref="ErrorCause.None"/> unless an attempt failed.</param>
public readonly record struct Decision(string Candidate, string Verdict, ErrorCause Cause = ErrorCause.None);

/// <summary>What the router and the attempt loop decided, in order; shown by <c>route explain</c>, written to the journal.</summary>
public sealed class DecisionLog
{
    /// <summary>How the verdicts begin that say what shall be tried; the others say what happened.</summary>
    public const string Planned = "planned";

    private readonly List<Decision> _items = [];

    public IReadOnlyList<Decision> Items => _items;

    public void Add(Decision decision) => _items.Add(decision);

    public void Reset() => _items.Clear();
}
