using System.Net;
using System.Text;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic.Batches;
using Jesus.Appliance.Host;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Keys;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Telemetry;
using Jesus.Inference.Contract;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Gateway;

/// <summary>The real front and gateway on a free port over rooms that a test scripts.</summary>
internal sealed class GatewayFixture : IModelDirectory, IDoorkeeper, IAsyncDisposable
{
    private readonly HttpFront _front;
    private readonly LogHub _log = new(new LogOptions { Format = LogFormat.Text }, Console.OpenStandardError(), isTerminal: false, TimeProvider.System);
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-gateway").FullName;
    private readonly Journal _journal;
    private readonly MetricsText _metrics = new(TimeProvider.System, "test");

    private GatewayFixture(GatewayOptions options, ArtifactOptions? artifacts)
    {
        _journal = Journal.Open(new PosixDisk(), Path.Combine(_folder, "journal"), new JournalOptions(), TimeProvider.System);
        _front = new HttpFront(options, null, NullLoggerFactory.Instance);
        Budgets = new BudgetKeeper(new BudgetsOptions(), CapTable.Build(new BudgetsOptions(), []), _journal, TimeProvider.System);
        Artifacts = ArtifactStore.Open(new PosixDisk(), Path.Combine(_folder, "artifacts"), artifacts ?? new ArtifactOptions { FreeBytesMin = 0 }, TimeProvider.System);
        Responses = new ResponseStore(_journal, Artifacts, new ResponseOptions(), TimeProvider.System);
    }

    public HttpClient Http { get; private set; } = null!;
    public BudgetKeeper Budgets { get; }
    public string Url => _front.Url;
    public FakeRuns Runs { get; } = new();
    public Readiness Readiness { get; } = new();
    public ArtifactStore Artifacts { get; }
    public ResponseStore Responses { get; }

    /// <summary>Whose id the caller has.</summary>
    public string Caller { get; set; } = "test";
    public Roles Roles { get; set; } = Roles.All;

    /// <summary>What the pipeline does with a call.</summary>
    public ModelCaller Answer { get; set; } = (_, _, _) => new(new Outcome { Reason = FinishReason.Stop });

    public static async Task<GatewayFixture> StartAsync(GatewayOptions? options = null, MessageBatches? batches = null, ArtifactOptions? artifacts = null,
        FederationHub? federation = null)
    {
        options = (options ?? new GatewayOptions()) with { Http = "http://127.0.0.1:0" };
        var fixture = new GatewayFixture(options, artifacts);
        var gateway = new GatewayApp(
            new GatewayParts
            {
                Options = options,
                Doorkeeper = fixture,
                Models = (call, sink, cancel) => fixture.Answer(call, sink, cancel),
                ModelDirectory = fixture,
                Runs = fixture.Runs,
                Batches = batches,
                Responses = fixture.Responses,
                Keys = new KeyStore(fixture._journal, TimeProvider.System),
                Budgets = fixture.Budgets.Admin,
                Metrics = fixture._metrics,
                Readiness = fixture.Readiness,
                Federation = federation,
                Time = TimeProvider.System,
                Version = "test",
            },
            fixture._log.CreateLogger("Gateway"));
        await fixture._front.StartAsync(gateway, CancellationToken.None);
        fixture.Http = new HttpClient { BaseAddress = new Uri(fixture._front.Url) };
        return fixture;
    }

    public async Task<(HttpStatusCode Status, string Body, HttpResponseMessage Response)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        var response = await Http.PostAsync(path, content);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(), response);
    }

    public IReadOnlyList<ModelListing> List() =>
        [new("nano", "local", 5, "ready", 1024, 10, "") { Residence = new ModelResidence(300, 2, IsPinned: true, TimeSpan.FromSeconds(1.25)) }];

    public ModelMemory Memory => new(1_000, 300);

    /// <summary>The last order for a model, and what is answered to it.</summary>
    public string Ordered { get; private set; } = "";
    public ModelOrder OrderAnswer { get; set; } = new(ModelOrderCode.Done, "done");

    public ValueTask<ModelOrder> LoadAsync(string name, bool pin, CancellationToken cancel) => Order($"load {name} {pin}");

    public ValueTask<ModelOrder> UnloadAsync(string name, TimeSpan? drainMax, CancellationToken cancel) => Order($"unload {name} {drainMax?.TotalSeconds}");

    public ValueTask<ModelOrder> RemoveAsync(string name, TimeSpan? drainMax, CancellationToken cancel) => Order($"remove {name} {drainMax?.TotalSeconds}");

    private ValueTask<ModelOrder> Order(string order)
    {
        Ordered = order;
        return new ValueTask<ModelOrder>(OrderAnswer);
    }

    public string Folder => "/models";

    public ValueTask<string?> RescanAsync(string name, CancellationToken cancel) => new(name == "nano" ? null : $"there is no {name}.gguf");

    public (Principal? Principal, ApiFailure Failure) Admit(HttpContext http) => Roles == Roles.None
        ? (null, ApiFailure.Unauthorized("An API key is needed."))
        : (Principal.System with { Id = Caller, Roles = Roles }, default);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _front.StopAsync(now.Token);
        _front.Dispose();
        _metrics.Dispose();
        _log.Dispose();
        _journal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
