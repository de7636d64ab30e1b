using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>One line of the decision log: a candidate and what became of it.</summary>
/// <param name="Candidate"><c>provider/model</c>, with the number of its key from the second on.</param>
/// <param name="Verdict">Why it was chosen, skipped or left.</param>
/// <param name="Cause"><see cref="ErrorCause.None"/> unless an attempt failed.</param>
public readonly record struct Decision(string Candidate, string Verdict, ErrorCause Cause = ErrorCause.None);

/// <summary>What the router and the attempt loop decided, in order; shown by <c>route explain</c>, written to the journal. Thread-safe.</summary>
public sealed class DecisionLog
{
    /// <summary>How the verdicts begin that say what shall be tried; the others say what happened.</summary>
    public const string Planned = "planned";
    public const string Answered = "answered";
    public const string PlannedByRule = "planned: this rule chose the route";
    public const string PlannedLast = "planned last: resting";

    // An answer's head is written while a second attempt may still be decided on.
    private readonly Lock _gate = new();
    private readonly List<Decision> _items = [];

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _items.Count;
            }
        }
    }

    public Decision this[int index]
    {
        get
        {
            lock (_gate)
            {
                return _items[index];
            }
        }
    }

    /// <summary>A copy, for display.</summary>
    public IReadOnlyList<Decision> Items
    {
        get
        {
            lock (_gate)
            {
                return [.. _items];
            }
        }
    }

    public void Add(Decision decision)
    {
        lock (_gate)
        {
            _items.Add(decision);
        }
    }

    public void Reset()
    {
        lock (_gate)
        {
            _items.Clear();
        }
    }
}
