using System.Text;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Rescue;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Native;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>The whole path of a person's call that finds two batches in the two places of the demonstration model.</summary>
public sealed class PreemptionEngineTests : IDisposable
{
    private const int Tokens = 400;

    private readonly SlowedTime _time = new();
    private readonly ModelHost _host;
    private readonly TestPipeline _test;
    private readonly List<TokenBias> _neverEnds = [];

    public PreemptionEngineTests()
    {
        Assert.SkipUnless(File.Exists(NanoBoxes.File), "needs models/jesus-nano.gguf of the repository: run the tests from a checkout");
        _host = new ModelHost(
            new ModelHostOptions
            {
                Paths = new Dictionary<string, ModelPath> { [NanoBoxes.Model] = new(NanoBoxes.File) },
                Threads = 1,
                KvBytesMax = 32L << 20,
                Batch = new BatchLimits { SequencesMax = 2 },
                UseReferenceBackend = NativeLibraryCheck.WhyUnavailable is not null,
            },
            _time);
        var caps = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Tokens = 100_000 }] };
        var prices = new PricesOptions { Prices = [new PriceOptions { Provider = "local", Model = NanoBoxes.Model }] };
        _test = new TestPipeline([new LocalAdapter(_host, _time)], budgets: caps, prices: prices);
    }

    public void Dispose()
    {
        _time.IsSlow = false;
        _host.Dispose();
    }

    [Fact]
    public async Task A_batch_stands_still_for_a_person_and_says_what_it_says_alone()
    {
        await LoadAsync();
        var (alone, person) = (await AskAsync(Lane.Batch, seed: 1), await AskAsync(Lane.Batch, seed: 2));
        var (one, two) = await BeginBatchesAsync();
        var sink = new CollectingSink { OnWrite = item => item.Kind == EventKind.Finished ? AssertHeldAsync() : default };
        var asked = RunAsync(Lane.Interactive, seed: 3, sink, tokens: 20);
        _time.IsSlow = false;
        var outcome = await asked;
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal((alone, person), (await one, await two));
        Assert.All(_test.Budgets.Admin.View(), account => Assert.Equal(default, account.Reserved));
        var records = _test.Journal.Records.Where(record => record.Kind == JournalKind.Call).Select(record => Encoding.UTF8.GetString(record.Payload.Span));
        Assert.Contains("\"aside_times\":1,\"aside_ms\":", Assert.Single(records, record => record.Contains("aside", StringComparison.Ordinal)), StringComparison.Ordinal);

        // Two batches' worst cases and the person's are reserved, and one batch has given up its place in the engine.
        ValueTask AssertHeldAsync()
        {
            Assert.True(_host.Find(NanoBoxes.Model)!.Engine.Snapshot.Counts.Preemptions > 0);
            Assert.True(Assert.Single(_test.Budgets.Admin.View()).Reserved.Tokens > 2 * Tokens);
            return default;
        }
    }

    [Fact]
    public async Task Its_deadline_holds_while_it_stands_still()
    {
        await LoadAsync();
        var deadline = Deadline.After(_time, TimeSpan.FromHours(1));
        var (first, second) = await BeginBatchesAsync(deadline);
        var reads = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sink = new CollectingSink { OnWrite = item => new ValueTask(reads.Task) };
        var asked = RunAsync(Lane.Interactive, seed: 3, sink, tokens: 20);
        _time.Move(TimeSpan.FromHours(2));
        _time.IsSlow = false;
        Assert.Contains("deadline", await second, StringComparison.Ordinal);
        reads.SetResult();
        Assert.True((await asked).Succeeded);
        Assert.Contains("deadline", await first, StringComparison.Ordinal);
        Assert.All(_test.Budgets.Admin.View(), account => Assert.Equal(default, account.Reserved));
    }

    private async Task LoadAsync()
    {
        var load = await _host.LoadAsync(NanoBoxes.Model);
        Assert.True(load.Succeeded, load.Error.Message);
        for (var id = 0; id < load.Model!.Tokenizer.Vocabulary.Count; id++)
        {
            if (load.Model.Tokenizer.EndsGeneration(id))
            {
                _neverEnds.Add(new TokenBias(id, -100));
            }
        }
    }

    /// <summary>Two that have begun and have far to go; the engine is slow.</summary>
    private async Task<(Task<string> One, Task<string> Two)> BeginBatchesAsync(Deadline deadline = default)
    {
        _time.IsSlow = true;
        var one = BeginAsync(1, deadline, out var began);
        await began;
        var two = BeginAsync(2, deadline, out began);
        await began;
        return (one, two);
    }

    private Task<string> BeginAsync(int seed, Deadline deadline, out Task began)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        began = source.Task;
        return AskAsync(Lane.Batch, seed, deadline, item =>
        {
            _ = item.Kind == EventKind.Started && source.TrySetResult();
            return default;
        });
    }

    /// <summary>What it says, or why not.</summary>
    private async Task<string> AskAsync(Lane lane, int seed, Deadline deadline = default, Func<ModelEvent, ValueTask>? onWrite = null)
    {
        var sink = new CollectingSink { OnWrite = onWrite };
        var outcome = await RunAsync(lane, seed, sink, Tokens, deadline);
        return outcome.Succeeded ? sink.Text : outcome.Error.Message;
    }

    private async Task<Outcome> RunAsync(Lane lane, int seed, IAnswerSink sink, int tokens, Deadline deadline = default) => await _test.RunAsync(sink, call =>
    {
        call.Lane = lane;
        call.Request.MaxOutputTokens = tokens;
        call.Request.Sampling = new Sampling { Temperature = 1, Seed = (ulong)seed };
        call.Request.LogitBias.AddRange(_neverEnds);
        call.Request.Deadline = deadline;
    });
}
