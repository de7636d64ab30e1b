using System.Text;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic.Batches;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Jesus.Appliance.Tests.Gateway.Anthropic;
using Jesus.Appliance.Tools;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Runner;

/// <summary>The real journal, projection and artifact store on a disk, and lives of a daemon over them.</summary>
public sealed class ArtifactSweeperTests : IDisposable
{
    private static readonly TimeSpan PastGrace = TimeSpan.FromHours(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-sweep").FullName;
    private readonly FixedTime _time = new();

    [Fact]
    public async Task What_a_run_wrote_stays_for_the_retention_and_its_record_for_longer()
    {
        await using var life = new Life(_folder, _time);
        var big = new string('x', 20_000);
        var id = await life.RunAsync($"name: done\nsteps:\n  a: {{tool: {{name: text.join, arguments: {{parts: [\"{big}\"], separator: \"\"}}}}, artifact: report.txt}}");
        var run = (await life.Runs.GetAsync(id, RunnerRig.Alice, CancellationToken.None))!;
        Assert.True(run.State == RunStateName.Succeeded, run.Error);
        var report = Assert.Single(run.Artifacts!).Sha256;

        _time.Move(TimeSpan.FromDays(89));
        await life.SweepAsync();
        Assert.True(life.Store.Exists(report));
        _time.Move(TimeSpan.FromDays(2));
        await life.SweepAsync();
        Assert.False(life.Store.Exists(report));
        Assert.Null(await life.Runs.OpenArtifactAsync(id, "report.txt", RunnerRig.Alice, CancellationToken.None));

        // A later life reads the run from the disk: its workflow and its output, which is large, are there.
        await using var later = await life.NextAsync();
        await later.SweepAsync();
        Assert.Equal(RunStateName.Succeeded, (await later.Runs.GetAsync(id, RunnerRig.Alice, CancellationToken.None))!.State);
    }

    [Fact]
    public async Task A_run_that_works_keeps_its_files_however_old_it_is_and_one_that_is_past_is_not_retried()
    {
        await using var life = new Life(_folder, _time);
        const string Yaml = """
            name: waits
            steps:
              a: {tool: {name: text.join, arguments: {parts: [one], separator: ""}}, artifact: one.txt}
              b: {needs: a, approve: {message: go on}}
            """;
        var waits = await life.SubmitAsync(Yaml);
        await life.UntilAsync(waits, run => run.State == RunStateName.Waiting);
        var failed = await life.RunAsync("name: failed\nsteps:\n  a: {tool: {name: calc, arguments: {expression: \"1/0\"}}}");
        _time.Move(TimeSpan.FromDays(400));
        await using var later = await life.NextAsync();
        await later.SweepAsync();
        var content = await later.Runs.OpenArtifactAsync(waits, "one.txt", RunnerRig.Alice, CancellationToken.None);
        Assert.Equal("one", Encoding.UTF8.GetString(content!.Bytes.Span));

        var reply = await later.Runs.RetryAsync(failed, RunnerRig.Alice, CancellationToken.None);
        Assert.Equal(RunReplyCode.WrongState, reply.Code);
        Assert.Contains("artifacts.retentionDays", reply.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_keeps_its_requests_and_answers_until_it_is_deleted()
    {
        await using var life = new Life(_folder, _time);

        // So many that the run's inputs are an artifact, which names the body in its turn.
        var body = BatchRig.Body([.. Enumerable.Range(0, 400).Select(i => $"request-with-a-long-name-{i}")]);
        var batch = await life.BatchAsync(body);
        _time.Move(PastGrace);
        await life.SweepAsync();
        await using var later = await life.NextAsync();
        await later.SweepAsync();
        var lines = await later.ResultsAsync(batch);
        Assert.Equal(400, lines.Count);
        Assert.All(lines, line => Assert.Contains("\"succeeded\"", line, StringComparison.Ordinal));

        await later.DeleteAsync(batch);
        var before = later.Files;
        await later.SweepAsync();
        Assert.True(later.Files <= before - 401, $"{before} files before, {later.Files} after");
    }

    [Fact]
    public async Task A_response_keeps_its_content_as_long_as_it_is_kept()
    {
        await using var life = new Life(_folder, _time);
        foreach (var id in new[] { "resp_1", "resp_2" })
        {
            Assert.Null(await life.Responses.KeepAsync(new StoredResponse(id, "alice", _time.GetUtcNow(), false, true, "", "[]"u8.ToArray(), "{}"u8.ToArray())));
        }

        _time.Move(PastGrace);
        await using var later = await life.NextAsync();
        await later.SweepAsync();
        Assert.NotNull(later.Responses.Find("resp_1", "alice"));
        Assert.Equal(2, later.Files);
        _ = await later.Responses.DropAsync("resp_1", "alice");
        await later.SweepAsync();
        Assert.NotNull(later.Responses.Find("resp_2", "alice"));
        Assert.Equal(1, later.Files);
    }

    [Fact]
    public async Task A_crash_between_an_artifact_and_its_record_leaves_what_the_next_sweep_takes_and_nothing_else_goes()
    {
        for (var seed = 1; seed <= 12; seed++)
        {
#pragma warning disable RS0030 // The seed is the loop's.
            var random = new Random(seed);
#pragma warning restore RS0030
            var folder = Path.Combine(_folder, seed.ToString(System.Globalization.CultureInfo.InvariantCulture));
            _ = Directory.CreateDirectory(folder);
            var kept = new List<string>();
            var lost = new List<string>();
            var life = new Life(folder, _time);
            for (var lives = 0; lives < 3; lives++)
            {
                for (var i = 0; i < random.Next(1, 4); i++)
                {
                    var id = await life.RunAsync(
                        $"name: r\nsteps:\n  a: {{tool: {{name: text.join, arguments: {{parts: [\"{lives} {i}\"], separator: \"\"}}}}, artifact: a.txt}}");
                    kept.Add(Assert.Single((await life.Runs.GetAsync(id, RunnerRig.Alice, CancellationToken.None))!.Artifacts!).Sha256);
                    if (random.Next(2) == 0)
                    {
                        await life.SweepAsync();
                    }
                }

                // Stored, and then the process died before a record named it. In every second life the sweep comes while it is young.
                lost.Add(life.Store.Put(Encoding.UTF8.GetBytes($"{seed} {lives} lost"), "text/plain").Ref.Hash);
                await life.SweepAsync();
                Assert.True(life.Store.Exists(lost[^1]), $"seed {seed}: taken before its record could come");
                life = await life.NextAsync();
                await life.SweepAsync();
                Assert.True(kept.TrueForAll(life.Store.Exists), $"seed {seed}: an artifact of a run is gone");
                Assert.False(lost.Exists(life.Store.Exists), $"seed {seed}: what nobody names is still there");
            }

            await life.DisposeAsync();
        }
    }

    [Fact]
    public async Task What_is_stored_again_while_a_sweep_looks_stays_and_a_holder_that_cannot_say_stops_the_sweep()
    {
        var store = ArtifactStore.Open(new PosixDisk(), Path.Combine(_folder, "artifacts"), new ArtifactOptions { FreeBytesMin = 0 }, _time);
        var old = store.Put("old"u8, "text/plain").Ref.Hash;
        _time.Move(PastGrace);
        using (var sweeper = new ArtifactSweeper(store, [new Holder(() => _ = store.Put("old"u8, "text/plain"))], _time, NullLogger.Instance))
        {
            await sweeper.SweepAsync();
        }

        Assert.True(store.Exists(old));
        _time.Move(PastGrace);
        using (var sweeper = new ArtifactSweeper(store, [new Holder(() => throw new IOException("the disk"))], _time, NullLogger.Instance))
        {
            await sweeper.SweepAsync();
        }

        Assert.True(store.Exists(old));
        using (var sweeper = new ArtifactSweeper(store, [new Holder(() => { })], _time, NullLogger.Instance))
        {
            await sweeper.SweepAsync();
        }

        Assert.False(store.Exists(old));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class Holder(Action then) : IArtifactHolder
    {
        public ValueTask CollectAsync(ISet<string> live, CancellationToken cancel)
        {
            then();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Life : IAsyncDisposable
    {
        private readonly string _folder;
        private readonly FixedTime _time;
        private readonly Journal _journal;
        private readonly SqliteProjection _projection;
        private readonly MessageBatches _batches;
        private readonly BatchDeletions _deletions;
        private readonly ArtifactSweeper _sweeper;
        private bool _ended;

        public Life(string folder, FixedTime time)
        {
            (_folder, _time) = (folder, time);
            _journal = Journal.Open(new PosixDisk(), Path.Combine(folder, "journal"), new JournalOptions(), TimeProvider.System);
            Store = ArtifactStore.Open(new PosixDisk(), Path.Combine(folder, "artifacts"), new ArtifactOptions { FreeBytesMin = 0 }, time);
            _deletions = new BatchDeletions(_journal);
            Responses = new ResponseStore(_journal, Store, new ResponseOptions(), time);
            _ = JournalReplay.Run(_journal, _deletions, Responses);
            _projection = new SqliteProjection(Path.Combine(folder, "jesus.db"), _journal, [new RunsTable()], new ProjectionOptions(), NullLogger.Instance);
            _projection.Start();
            var blobs = new ArtifactBlobs(Store);
            Runs = new RunService(
                new RunnerRooms
                {
                    Journal = _journal,
                    Blobs = blobs,
                    FilesKept = new ArtifactOptions().Retention,
                    History = new ProjectionHistory(_projection, _journal),
                    CallModel = new FakeModel(_ => new FakeAnswer("fine")).CallAsync,
                    Time = time,
                    Log = NullLogger.Instance,
                    Tools = ToolSet.BuiltIn.With(new BatchTool(BatchRig.Echo, blobs, new GatewayOptions(), time)),
                },
                new RunnerOptions());
            _batches = new MessageBatches(Runs, blobs, _deletions, time);
            var runs = new RunArtifacts(_projection, _journal, blobs, new ArtifactOptions().Retention, _deletions.Contains, time);
            _sweeper = new ArtifactSweeper(Store, [runs, Responses], time, NullLogger.Instance);
        }

        public ArtifactStore Store { get; }
        public ResponseStore Responses { get; }
        public RunService Runs { get; }

        public int Files => Directory.GetFiles(Path.Combine(_folder, "artifacts"), "*", SearchOption.AllDirectories).Length;

        /// <summary>This one dies; the next begins with what is on the disk.</summary>
        public async Task<Life> NextAsync()
        {
            await DisposeAsync();
            return new Life(_folder, _time);
        }

        public Task SweepAsync() => _sweeper.SweepAsync();

        public async Task<string> SubmitAsync(string yaml)
        {
            var result = await Runs.SubmitAsync(
                new RunSubmission { Workflow = Encoding.UTF8.GetBytes(yaml), FileName = "test.yaml" }, RunnerRig.Alice, CancellationToken.None);
            Assert.True(result.Accepted, string.Join("\n", result.Errors.Select(error => error.ToString()).Append(result.Message)));
            return result.RunId;
        }

        public async Task<string> RunAsync(string yaml)
        {
            var id = await SubmitAsync(yaml);
            await UntilAsync(id, run => run.IsFinished);
            return id;
        }

        public async Task UntilAsync(string id, Func<RunView, bool> isSo)
        {
            for (var i = 0; i < 12_000; i++)
            {
                if (isSo((await Runs.GetAsync(id, RunnerRig.Alice, CancellationToken.None))!))
                {
                    return;
                }

                await Task.Delay(5);
            }

            throw new TimeoutException("the run never came into that state");
        }

        public async Task<string> BatchAsync(string body)
        {
            var (batch, failure) = await _batches.CreateAsync(Encoding.UTF8.GetBytes(body), RunnerRig.Alice, CancellationToken.None);
            Assert.True(failure.IsNone, failure.Message);
            await UntilAsync(batch!.RunId, run => run.IsFinished);
            return batch.Id;
        }

        public async Task<List<string>> ResultsAsync(string batch)
        {
            var view = await _batches.GetAsync(batch, RunnerRig.Alice, CancellationToken.None);
            return [.. (await _batches.ResultsAsync(view!, RunnerRig.Alice, CancellationToken.None)).Select(line => Encoding.UTF8.GetString(line.Span))];
        }

        public async Task DeleteAsync(string batch) =>
            await _batches.DeleteAsync((await _batches.GetAsync(batch, RunnerRig.Alice, CancellationToken.None))!, RunnerRig.Alice);

        public async ValueTask DisposeAsync()
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            _sweeper.Dispose();
            Runs.Dispose();
            await _projection.DisposeAsync();
            _journal.Dispose();
        }
    }
}
