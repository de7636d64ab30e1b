using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Pipeline;

/// <summary>What rules may know of a call; counts when asked, and one candidate's prompt only once. Owned by a <see cref="CallPath"/>.</summary>
internal sealed class CallFacts(PipelineRooms rooms) : ICallFacts
{
    private ModelCall _call = null!;
    private PriceTable _prices = PriceTable.Empty;
    private Candidate? _counted;
    private int _tokens;

    public string Model => _call.RouteName;
    public string Task => _call.Task;
    public string Team => _call.Principal.Team;
    public DataClass DataClass => _call.DataClass;
    public Abilities Needs { get; private set; }
    public int OutputTokens => _call.Request.MaxOutputTokens * Math.Max(1, _call.Request.Choices);

    public long DeadlineMs
    {
        get
        {
            var left = _call.Request.Deadline.Remaining(rooms.Time);
            return left == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)left.TotalMilliseconds;
        }
    }

    public void Begin(ModelCall call)
    {
        _call = call;
        _prices = call.PricedAt == default ? rooms.Prices.Current : rooms.Prices.At(call.PricedAt);
        _counted = null;
        Needs = AbilityNames.NeededBy(call.Request) | call.AlsoNeeds;
    }

    /// <summary>The keys of one provider count alike.</summary>
    public int PromptTokens(Candidate candidate)
    {
        if (_counted is null || (_counted != candidate && _counted.Name != candidate.Name))
        {
            _call.Request.Model = candidate.ModelUtf8;
            _tokens = candidate.Adapter.CountInputTokens(_call.Request);
            _counted = candidate;
        }

        return _tokens;
    }

    /// <summary>The table's line; where it has none, what the candidate's own server announces.</summary>
    public Price PriceOf(Candidate candidate)
    {
        var announces = candidate.Adapter as IAnnouncesPrice;
        var price = _prices.Find(
            candidate.Name, candidate.Provider, candidate.Traits.LeavesBox || announces is not null, _call.PricedAt == default ? rooms.Time.GetUtcNow() : _call.PricedAt);
        return price.IsUnknown && announces is not null ? announces.Price : price;
    }

    public CallBound BoundOf(Candidate candidate, in Price price, int inputTokens) =>
        CallBound.Of(price, _call.Request, inputTokens, candidate.Traits.MaxOutputTokens, candidate.Traits.ContextTokens);

    public long? CostMicroUsd(Candidate candidate)
    {
        var price = PriceOf(candidate);
        return price.IsUnknown ? null : BoundOf(candidate, price, PromptTokens(candidate)).MicroUsd;
    }
}
