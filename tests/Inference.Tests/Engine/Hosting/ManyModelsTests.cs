using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Tests.Clocks;

namespace Jesus.Inference.Tests.Engine.Hosting;

/// <summary>Several models, copies of the demonstration model, under one cap and one clock.</summary>
public sealed class ManyModelsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-many-").FullName;
    private readonly ManualTime _time = new();

    public ManyModelsTests()
    {
        Assert.SkipUnless(TestData.HasNano, TestData.NanoMissing);
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        foreach (var name in new[] { "a", "b", "c" })
        {
            File.Copy(TestData.NanoModel, PathOf(name));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Two_loads_at_once_never_count_the_same_memory_and_the_second_is_refused_with_the_numbers()
    {
        using var host = new ModelHost(await OptionsAsync(models: 1.5), _time);
        var leases = await Task.WhenAll(Task.Run(async () => await host.RentAsync("a")), Task.Run(async () => await host.RentAsync("b")));
        var (winner, loser) = leases[0].Model is null ? (leases[1], leases[0]) : (leases[0], leases[1]);
        Assert.NotNull(winner.Model);
        Assert.Null(loser.Model);
        Assert.Equal(ErrorCause.Overloaded, loser.Error.Cause);
        Assert.True(loser.Error.RetryAfter > TimeSpan.Zero);
        Assert.Contains("all models together may take", loser.Error.Message, StringComparison.Ordinal);
        Assert.Contains(winner.Model.Name + " ", loser.Error.Message, StringComparison.Ordinal);
        Assert.Single(host.Loaded);
        Assert.True(host.Memory.Used <= host.Memory.Cap);
        winner.Dispose();

        using var after = await host.RentAsync(winner.Model.Name == "a" ? "b" : "a");
        Assert.NotNull(after.Model);
        Assert.Equal([after.Model.Name], host.Loaded.Select(model => model.Name));
        Assert.Equal((2, 1, 1), (host.Counts.Loads, host.Counts.UnloadsMemory, host.Counts.LoadFailures));
    }

    [Fact]
    public async Task The_box_gives_what_it_has_beside_what_is_reserved_but_not_touched()
    {
        var one = await OneModelAsync();
        using var host = new ModelHost(Options() with { AvailableBytes = () => one * 3 / 2 }, _time);
        using var first = await host.RentAsync("a");
        Assert.NotNull(first.Model);

        // The pretended box says that it still has all of it: only the untouched cache of the first is known to be spoken for.
        Assert.Equal(one * 3 / 2 + one - first.Model.UntouchedBytes, host.Memory.Cap);
    }

    [Fact]
    public async Task The_idle_model_unused_for_longest_goes_and_never_one_in_use_or_pinned()
    {
        using var host = new ModelHost((await OptionsAsync(models: 2.5)) with { Pinned = new HashSet<string> { "c" } }, _time);
        await CallAsync(host, "a");
        _time.Advance(TimeSpan.FromSeconds(1));
        await CallAsync(host, "b");
        _time.Advance(TimeSpan.FromSeconds(1));
        await CallAsync(host, "a");
        _time.Advance(TimeSpan.FromSeconds(1));
        await CallAsync(host, "c");
        Assert.Equal(["a", "c"], host.Loaded.Select(model => model.Name).Order());

        using (await host.RentAsync("a"))
        {
            using var refused = await host.RentAsync("b");
            Assert.Contains("c ", refused.Error.Message, StringComparison.Ordinal);
            Assert.Contains("(pinned)", refused.Error.Message, StringComparison.Ordinal);
            Assert.Contains("(1 call under way)", refused.Error.Message, StringComparison.Ordinal);
        }

        await CallAsync(host, "b");
        Assert.Equal(["b", "c"], host.Loaded.Select(model => model.Name).Order());
    }

    [Fact]
    public async Task A_load_that_may_not_make_room_leaves_the_others_alone()
    {
        using var host = new ModelHost(await OptionsAsync(models: 1.5), _time);
        Assert.True((await host.LoadAsync("a", makeRoom: false)).Succeeded);
        Assert.False((await host.LoadAsync("b", makeRoom: false)).Succeeded);
        Assert.Equal(["a"], host.Loaded.Select(model => model.Name));
        Assert.True((await host.LoadAsync("b")).Succeeded);
        Assert.Equal(["b"], host.Loaded.Select(model => model.Name));
    }

    [Fact]
    public async Task A_model_that_could_never_fit_is_refused_before_it_is_loaded_and_nobody_goes_for_it()
    {
        var cap = 200_000L;
        using var host = new ModelHost(Options() with { MemoryBytesMax = cap }, _time);
        var refused = await host.LoadAsync("a");
        Assert.Equal(ErrorCause.Internal, refused.Error.Cause);
        Assert.Contains("all models together may take 200,000", refused.Error.Message, StringComparison.Ordinal);
        Assert.Contains("raise engine.memoryBytesMax", refused.Error.Message, StringComparison.Ordinal);
        Assert.Equal(0, host.Memory.Used);
    }

    [Fact]
    public async Task A_model_is_unloaded_when_nobody_called_it_for_the_keep_alive_time()
    {
        using var host = new ModelHost(Options() with { KeepAlive = TimeSpan.FromMinutes(5), Pinned = new HashSet<string> { "c" } }, _time);
        await CallAsync(host, "a");
        await CallAsync(host, "c");
        using var held = await host.RentAsync("b");
        _time.Advance(TimeSpan.FromMinutes(4));
        await CallAsync(host, "a");
        _time.Advance(TimeSpan.FromMinutes(4));
        host.UnloadIdle();
        Assert.Equal(["a", "b", "c"], host.Loaded.Select(model => model.Name).Order());
        _time.Advance(TimeSpan.FromMinutes(1));
        host.UnloadIdle();
        Assert.Equal(["b", "c"], host.Loaded.Select(model => model.Name).Order());
        Assert.Equal(1, host.Counts.UnloadsIdle);
        await CallAsync(host, "a");
        Assert.Equal(3, host.Loaded.Count);
    }

    [Fact]
    public async Task An_answer_under_way_when_its_model_is_unloaded_is_whole_and_new_calls_wait_elsewhere()
    {
        using var host = new ModelHost(Options(), TimeProvider.System);
        var whole = new RecordingSink();
        Assert.True((await AskAsync(host, "a", whole, tokens: 60)).Succeeded);
        Task<UnloadResult>? unloading = null;
        var sink = new RecordingSink(async item =>
        {
            if (item.Kind == EventKind.Text && unloading is null)
            {
                unloading = host.UnloadAsync("a").AsTask();
                Assert.Equal(ModelState.Draining, host.List().Single(file => file.Name == "a").State);
                Assert.Equal(ErrorCause.Draining, (await AskAsync(host, "a", new RecordingSink(), tokens: 1)).Error.Cause);
                Assert.False(unloading.IsCompleted);
            }
        });
        var result = await AskAsync(host, "a", sink, tokens: 60);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(whole.Text(), sink.Text());
        Assert.Equal(new UnloadResult(UnloadOutcome.Unloaded, 0), await unloading!);
        Assert.Empty(host.Loaded);
        Assert.Equal(0, host.Memory.Used);
        Assert.True((await AskAsync(host, "a", new RecordingSink(), tokens: 1)).Succeeded, "it was not loaded again");
    }

    [Fact]
    public async Task Calls_that_outlast_the_draining_end_as_draining_and_are_counted()
    {
        using var host = new ModelHost(Options(), TimeProvider.System);
        var result = default(UnloadResult);
        var sink = new RecordingSink(async item => result = item.Kind == EventKind.Started ? await host.UnloadAsync("a", TimeSpan.FromMilliseconds(1)) : result);
        var call = await AskAsync(host, "a", sink, tokens: 0);
        Assert.Equal(ErrorCause.Draining, call.Error.Cause);
        Assert.Equal(new UnloadResult(UnloadOutcome.Unloaded, 1), result);
    }

    [Fact]
    public async Task Unloading_what_is_not_there_says_so_and_a_waiter_that_leaves_holds_nothing()
    {
        using var host = new ModelHost(Options(), _time);
        Assert.Equal(UnloadOutcome.NotLoaded, (await host.UnloadAsync("a")).Outcome);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        Assert.Equal(ErrorCause.Cancelled, (await host.RentAsync("a", cancelled.Token)).Error.Cause);
        Assert.True((await host.LoadAsync("a")).Succeeded);
        Assert.Equal(0, host.List().Single(file => file.Name == "a").Calls);
    }

    [Fact]
    public async Task A_host_that_stops_ends_what_drains_and_what_loads()
    {
        var host = new ModelHost(Options(), TimeProvider.System);
        var held = await host.RentAsync("a");
        var unloading = host.UnloadAsync("a", TimeSpan.FromHours(1)).AsTask();
        var loading = host.LoadAsync("b").AsTask();
        host.Dispose();
        Assert.Equal(UnloadOutcome.Unloaded, (await unloading).Outcome);
        held.Dispose();
        var load = await loading;
        Assert.True(load.Succeeded || load.Error.Cause == ErrorCause.Draining, load.Error.Message);
        Assert.Empty(host.Loaded);
        Assert.Equal(ErrorCause.Draining, (await host.LoadAsync("b")).Error.Cause);
    }

    [Fact]
    public async Task Removing_deletes_the_file_or_the_link_and_what_lies_elsewhere_is_left()
    {
        File.CreateSymbolicLink(PathOf("linked"), TestData.NanoModel);
        using var host = new ModelHost(Options() with { Paths = new Dictionary<string, ModelPath> { ["far"] = new(TestData.NanoModel) } }, _time);
        await CallAsync(host, "linked");
        Assert.True((await host.RemoveAsync("linked")).Error.IsNone);
        Assert.Empty(host.Loaded);
        Assert.False(host.Knows("linked"));
        Assert.True(File.Exists(TestData.NanoModel));
        Assert.Equal(ErrorCause.Refused, (await host.RemoveAsync("far")).Error.Cause);
        Assert.Equal(ErrorCause.ModelNotFound, (await host.RemoveAsync("linked")).Error.Cause);
    }

    [Fact]
    public async Task What_a_file_answers_with_is_known_at_the_next_start_until_the_file_changes()
    {
        var options = Options() with { HashFile = Path.Combine(_folder, "hashes") };
        NumericsProfile first;
        using (var host = new ModelHost(options, _time))
        {
            Assert.True(host.NumericsOf("a").IsUnknown);
            first = (await host.LoadAsync("a")).Model!.Numerics;
            Assert.False(first.IsUnknown);
        }

        using var next = new ModelHost(options, _time);
        Assert.Equal(first, next.NumericsOf("a"));
        Assert.Equal(first, new LocalAdapter(next, _time).Capacity(new ModelKey("a")).Numerics);
        Assert.True(next.NumericsOf("b").IsUnknown);
        File.AppendAllText(PathOf("a"), "more");
        Assert.True(next.NumericsOf("a").IsUnknown);
    }

    /// <summary>A call and its end.</summary>
    private static async Task CallAsync(ModelHost host, string name)
    {
        using var lease = await host.RentAsync(name);
        Assert.True(lease.Model is not null, lease.Error.Message);
    }

    /// <summary>The same question each time; 0 tokens for an answer that does not end soon.</summary>
    private static async Task<CallResult> AskAsync(ModelHost host, string name, RecordingSink sink, int tokens)
    {
        var request = new ModelRequest { MaxOutputTokens = tokens };
        request.Model = request.Text.Copy(name);
        request.Turns.Add(TurnRole.User, request.Text.Copy("Hello"));
        request.Sampling = new Inference.Contract.Sampling { Temperature = 1.5f, Seed = 5 };
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy("""{"type":"string","minLength":4000}"""u8);
        return await new LocalAdapter(host, TimeProvider.System).CallAsync(request, sink, CancellationToken.None);
    }

    private async Task<long> OneModelAsync()
    {
        using var host = new ModelHost(Options(), _time);
        return (await host.LoadAsync("a")).Model!.MemoryBytes;
    }

    private async Task<ModelHostOptions> OptionsAsync(double models) => Options() with { MemoryBytesMax = (long)(await OneModelAsync() * models) };

    /// <summary>A cache of one context, so that each copy wants the same memory whatever is free.</summary>
    private ModelHostOptions Options() => new() { ModelsFolder = _folder, Threads = 2, KvBytesMax = 1, AvailableBytes = () => 1L << 40 };

    private string PathOf(string name) => Path.Combine(_folder, name + ".gguf");
}
