using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Redaction;
using Jesus.Appliance.Tests.Gateway;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>Soft caps whose <c>onReached.route</c> sends calls elsewhere: the whole gateway, with real upstreams behind the dear route and the thrifty one.</summary>
public sealed class SoftRouteTests
{
    private static readonly Principal Alice = new("key:1", PrincipalKind.ApiKey, "alice", "red", "acme", Roles.All);

    public static TheoryData<BudgetScope, bool> Levels
    {
        get
        {
            var data = new TheoryData<BudgetScope, bool>();
            foreach (var scope in Enum.GetValues<BudgetScope>())
            {
                data.Add(scope, false);
                data.Add(scope, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public async Task Past_a_soft_cap_calls_take_its_route_whole_or_streamed_and_none_is_refused(BudgetScope scope, bool stream)
    {
        // A call of the dear route holds about 0.11 dollars and uses 0.011; one of the thrifty route a thousandth of it.
        var isCall = scope == BudgetScope.Call;
        await using var world = await World.OpenAsync(Soft(scope, isCall ? 0.05m : 0.2m));
        var dear = 0;
        for (; dear < 40 && await world.AskAsync(ClientApi.OpenAi, stream) == "dear"; dear++)
        {
            Assert.Equal("r", world.RouteTaken);
        }

        Assert.InRange(dear, isCall ? 0 : 2, isCall ? 0 : 20);
        foreach (var client in new[] { ClientApi.OpenAi, ClientApi.Anthropic })
        {
            var before = world.UsedMicroUsd;
            Assert.Equal("cheap", await world.AskAsync(client, stream));
            Assert.Equal("thrifty", world.RouteTaken);
            Assert.Contains(world.Decisions, d => d.Verdict == "soft cap reached");
            Assert.Equal(isCall ? 0 : 11, world.UsedMicroUsd - before);
        }

        Assert.All(world.Budgets.Admin.View(), account => Assert.Equal(default, account.Reserved));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_soft_cap_of_tokens_takes_its_route_and_a_hard_one_beside_it_refuses(bool stream)
    {
        var soft = new CapOptions { Scope = BudgetScope.Team, Period = BudgetPeriod.Day, Tokens = 150, OnReached = new CapReachedOptions { Route = "thrifty" } };
        var hard = new CapOptions { Scope = BudgetScope.Organisation, Period = BudgetPeriod.Month, Tokens = 200 };
        await using var world = await World.OpenAsync(soft, hard);
        var said = new List<string>();
        for (var i = 0; i < 40 && !said.Exists(text => text.StartsWith("429", StringComparison.Ordinal)); i++)
        {
            said.Add(await world.AskAsync(ClientApi.OpenAi, stream));
        }

        Assert.Equal(["dear", "cheap", "429"], said.Select(text => text.Length > 3 && text.StartsWith("429", StringComparison.Ordinal) ? "429" : text).Distinct());
        Assert.Contains("budget_exceeded", said[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_that_must_not_leave_the_box_stays_where_the_caps_route_would_take_it_out()
    {
        await using var world = await World.OpenAsync([Soft(BudgetScope.User, 0.05m)], new RouteOptions { DataClass = DataClass.Restricted }, ownIsLocal: true);
        Assert.Equal("local", await world.AskAsync(ClientApi.OpenAi, stream: true));
        Assert.Equal("r", world.RouteTaken);
        Assert.Equal(0, world.Cheap.Accepted);
        Assert.Contains(world.Decisions, d => d.Candidate == "thrifty" && d.Verdict.StartsWith("cannot take", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Data_of_the_first_routes_class_is_redacted_at_the_caps_route_too()
    {
        await using var world = await World.OpenAsync([Soft(BudgetScope.Call, 0.05m)], new RouteOptions { DataClass = DataClass.Internal });
        world.Prompt = "mail bob@example.com";
        Assert.Equal("cheap", await world.AskAsync(ClientApi.OpenAi, stream: false));
        Assert.DoesNotContain("bob@example.com", world.CheapBody, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_route_that_cannot_hold_the_prompt_leaves_the_call_to_its_own()
    {
        await using var world = await World.OpenAsync([Soft(BudgetScope.Key, 0.05m)], cheapContext: 1);
        world.Prompt = new string('x', 2_000);
        Assert.Equal("dear", await world.AskAsync(ClientApi.Anthropic, stream: true));
        Assert.Equal("r", world.RouteTaken);
    }

    [Fact]
    public async Task Answers_that_the_caps_route_keeps_serve_the_calls_that_it_is_sent()
    {
        await using var world = await World.OpenAsync([Soft(BudgetScope.Call, 0.05m)], thrifty: new RouteOptions { Cache = new RouteCacheOptions { TtlSeconds = 600 } });
        Assert.Equal("cheap", await world.AskAsync(ClientApi.OpenAi, stream: false));
        Assert.Equal("cheap", await world.AskAsync(ClientApi.OpenAi, stream: false));
        Assert.Equal((1, CacheUse.Hit), (world.CheapCalls, world.CacheUse));
    }

    private static CapOptions Soft(BudgetScope scope, decimal usd) => new()
    {
        Scope = scope,
        Period = scope is BudgetScope.Call or BudgetScope.Run ? BudgetPeriod.Ever : BudgetPeriod.Day,
        Usd = usd,
        OnReached = new CapReachedOptions { Route = "thrifty" },
    };

    private sealed class World : IAsyncDisposable
    {
        private readonly GatewayFixture _gateway;
        private readonly FaultServer _dear;
        private readonly List<IDisposable> _adapters = [];
        private int _cheapCalls;

        private World(
            GatewayFixture gateway, IReadOnlyList<CapOptions> caps, RouteOptions own, RouteOptions thrifty, bool ownIsLocal, int cheapContext)
        {
            _gateway = gateway;
            _dear = FaultServer.Saying(UpstreamApi.OpenAiChat, "dear");
            Cheap = new FaultServer(async connection =>
            {
                while (await connection.ReadRequestAsync())
                {
                    CheapBody = connection.Body;
                    _ = Interlocked.Increment(ref _cheapCalls);
                    await UpstreamApi.OpenAiChat.AnswerAsync(connection, "cheap", StatedUsage.Usual);
                }
            });
            var errors = new List<string>();
            IReadOnlyList<Candidate> candidates =
            [
                ownIsLocal ? new Candidate(FakeAdapter.Saying("dear", "local", kind: "local"), "m", new CandidateTraits { LeavesBox = false }) : Upstreaming("dear", _dear, default),
                Upstreaming("cheap", Cheap, cheapContext),
            ];
            var routes = new Dictionary<string, RouteOptions>
            {
                ["r"] = own with { Candidates = [new RouteCandidateOptions("dear", "m")] },
                ["thrifty"] = thrifty with { Candidates = [new RouteCandidateOptions("cheap", "m")] },
            };
            var prices = new PricesOptions
            {
                Prices =
                [
                    new PriceOptions { Provider = "dear", Model = "m", InputPerMillionTokens = 1_000, OutputPerMillionTokens = 1_000 },
                    new PriceOptions { Provider = "cheap", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 1 },
                ],
            };
            var budgets = new BudgetsOptions { Caps = caps };
            var journal = new MemoryJournal();
            Budgets = new BudgetKeeper(budgets, CapTable.Build(budgets, errors), journal, TimeProvider.System);
            var pipeline = new ModelPipeline(new PipelineRooms
            {
                Admission = new AdmissionGate(new LimitsOptions()),
                Routes = new RouteTableHolder(RouteTable.Build(new RoutesOptions { Routes = routes }, candidates, errors)),
                Prices = new PriceTableHolder(PriceTable.Build(prices, errors)),
                Budgets = Budgets,
                Scheduler = new TicketScheduler(new SchedulerOptions()),
                Journal = journal,
                Time = TimeProvider.System,
                Redactor = new Redactor(),
                Dice = () => 0,
            });
            Assert.Empty(errors);
            gateway.Answer = async (call, sink, cancel) =>
            {
                (call.Principal, call.RunId) = (Alice, "run_1");
                try
                {
                    return await pipeline.RunAsync(call, sink, cancel);
                }
                finally
                {
                    (RouteTaken, CacheUse, Decisions) = (call.RouteTaken, call.CacheUse, [.. call.Decisions.Items]);
                }
            };
        }

        public FaultServer Cheap { get; }
        public BudgetKeeper Budgets { get; }
        public string Prompt { get; set; } = "hello";
        public string RouteTaken { get; private set; } = "";
        public CacheUse CacheUse { get; private set; }
        public IReadOnlyList<Decision> Decisions { get; private set; } = [];
        public string CheapBody { get; private set; } = "";
        public int CheapCalls => Volatile.Read(ref _cheapCalls);
        public long UsedMicroUsd => Budgets.Admin.View().Sum(account => account.Used.MicroUsd);

        public static Task<World> OpenAsync(params CapOptions[] caps) => OpenAsync(caps, null);

        public static async Task<World> OpenAsync(
            IReadOnlyList<CapOptions> caps, RouteOptions? own = null, RouteOptions? thrifty = null, bool ownIsLocal = false, int cheapContext = 0) =>
            new(await GatewayFixture.StartAsync(), caps, own ?? new RouteOptions(), thrifty ?? new RouteOptions(), ownIsLocal, cheapContext);

        /// <returns>The answer's text, or what was said instead.</returns>
        public async Task<string> AskAsync(ClientApi client, bool stream)
        {
            var view = await client.AskAsync(_gateway.Http, stream, TestContext.Current.CancellationToken, Prompt);
            return view is { Says: "answer", Finished: true } ? view.Text : view.Says;
        }

        public async ValueTask DisposeAsync()
        {
            await _gateway.DisposeAsync();
            _adapters.ForEach(adapter => adapter.Dispose());
            await _dear.DisposeAsync();
            await Cheap.DisposeAsync();
        }

        private Candidate Upstreaming(string name, FaultServer server, int context)
        {
            var adapter = Upstream.All[0].Adapter(name, new Uri($"http://127.0.0.1:{server.Port}/"), TcpNetwork.Instance);
            _adapters.Add((IDisposable)adapter);
            return new Candidate(adapter, "m", new CandidateTraits { LeavesBox = true, ContextTokens = context });
        }
    }
}
