using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security.Redaction;
using Jesus.Appliance.Storage.Journal;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>A pipeline over fake adapters, each offering one model <c>m</c>, in one route <c>r</c>.</summary>
internal sealed class TestPipeline
{
    public TestPipeline(
        IReadOnlyList<IModelAdapter> adapters, RouteOptions? route = null, BudgetsOptions? budgets = null, PricesOptions? prices = null, LimitsOptions? limits = null,
        TimeProvider? time = null, SchedulerOptions? scheduler = null, IJournal? journal = null, ICandidateSource? peers = null)
    {
        var errors = new List<string>();
        Candidates =
        [
            .. adapters.Select((a, i) => new Candidate(
                a, "m", new CandidateTraits { LeavesBox = a.Id.Kind != "local" }, key: adapters.Take(i).Count(b => b.Id.Provider == a.Id.Provider) + 1)),
        ];
        route ??= new RouteOptions();
        var chain = route.Candidates.Count > 0 ? route
            : route with { Candidates = [.. adapters.Select(a => a.Id.Provider).Distinct().Select(p => new RouteCandidateOptions(p, "m"))] };
        var table = RouteTable.Build(new RoutesOptions { Routes = new Dictionary<string, RouteOptions> { ["r"] = chain } }, Candidates, errors);
        budgets ??= new BudgetsOptions();
        Journal = new MemoryJournal();
        Budgets = new BudgetKeeper(budgets, CapTable.Build(budgets, errors), journal ?? Journal, time ?? TimeProvider.System);
        Pipeline = new ModelPipeline(new PipelineRooms
        {
            Admission = new AdmissionGate(limits ?? new LimitsOptions()),
            Routes = new RouteTableHolder(table),
            Prices = new PriceTableHolder(PriceTable.Build(prices ?? new PricesOptions(), errors)),
            Budgets = Budgets,
            Scheduler = new TicketScheduler(scheduler ?? new SchedulerOptions()),
            Journal = journal ?? Journal,
            Time = time ?? TimeProvider.System,
            Peers = peers,
            Redactor = new Redactor(),
            Dice = () => 0,
        });
        Assert.Empty(errors);
    }

    public IReadOnlyList<Candidate> Candidates { get; }
    public MemoryJournal Journal { get; }
    public BudgetKeeper Budgets { get; }
    public ModelPipeline Pipeline { get; }

    public static ModelCall Call(Action<ModelCall>? shape = null)
    {
        var call = new ModelCall { RouteName = "r", Api = "test" };
        call.Request.Turns.Add(TurnRole.User, call.Request.Text.Copy("hello"));
        call.Request.MaxOutputTokens = 100;
        call.Request.Ids = new CallIds(call.Request.Text.Copy("call-1"));
        shape?.Invoke(call);
        return call;
    }

    public ValueTask<Outcome> RunAsync(IAnswerSink sink, Action<ModelCall>? shape = null, CancellationToken cancel = default) =>
        Pipeline.RunAsync(Call(shape), sink, cancel);
}
