using System.Text;
using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tests.Runner;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>Owners over a link that loses three requests of ten; each dies or is overtaken at a moment of its own, and the next goes on.</summary>
public sealed class RunTermsTests
{
    private const int Seeds = 150;

    private const string Workflow = """
        name: lossy
        inputs:
          names: list
        steps:
          look:
            tool: {name: look, arguments: {key: look}}
          each:
            needs: look
            map:
              over: ${inputs.names}
              as: name
              concurrency: 2
              steps:
                check:
                  tool: {name: look, arguments: {key: "${name}"}}
          last:
            needs: each
            prompt: {user: "say something long"}
        outputs:
          count: ${length(steps.each.output)}
        """;

    [Fact]
    public async Task Each_step_commits_once_over_a_link_that_loses_and_repeats()
    {
        var (terms, overtaken) = (0L, 0);
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var (record, log, journals, lost) = await LiveAsync(seed);
            Assert.True(record.View.State == RunStateName.Succeeded, $"seed {seed}: {record.View.State} {record.View.Error}");
            DurableRunsTests.AssertOnce(log);
            Assert.Equal(6, log.Count(item => item.Type == RunEventType.StepFinished));
            foreach (var journal in journals)
            {
                var own = journal.Records.Select(item => RunEventCodec.Read(item.Payload)).ToList();
                Assert.True(
                    own.Zip(log).All(pair => (pair.First.Type, pair.First.Step, pair.First.At) == (pair.Second.Type, pair.Second.Step, pair.Second.At)),
                    $"seed {seed}: a journal is no beginning of the log");
                Assert.True(own.Count <= log.Count, $"seed {seed}: a journal holds more than the log");
            }

            terms += record.Epoch;
            overtaken += lost;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"seeds 1 to {Seeds}: {terms} terms, {overtaken} of their owners overtaken while they lived");
        Assert.True(terms > Seeds && overtaken > 0, $"{terms} terms, {overtaken} overtaken: nothing was tried");
    }

    private static async Task<(RunRecord Record, IReadOnlyList<RunEvent> Log, IReadOnlyList<MemoryJournal> Journals, int Overtaken)> LiveAsync(int seed)
    {
#pragma warning disable RS0030 // The seed is the argument.
        var dice = new Random(seed);
#pragma warning restore RS0030
        var replicas = new FlakyReplicas(seed);
        Life[] boxes = [new Life("a", replicas), new Life("b", replicas), new Life("c", replicas)];
        var id = await boxes[0].SubmitAsync();
        var overtaken = 0;
        for (var turn = 1; turn <= 4; turn++)
        {
            var requests = replicas.Requests + dice.Next(1, 25);
            while (replicas.Requests < requests && boxes.Any(box => box.Terms.Holds(id)))
            {
                await Task.Yield();
            }

            // Whether the owner lives or not, the record decides.
            if (dice.Next(2) == 0)
            {
                boxes[(turn - 1) % 3].Terms.Abandon();
                boxes[(turn - 1) % 3] = boxes[(turn - 1) % 3].Again();
            }
            else
            {
                overtaken++;
            }

            await boxes[turn % 3].FollowAsync(id);
        }

        replicas.Lost = 0;
        RunRecord record;
        while (!(record = (await Life.ReadAsync(replicas, id))!).HasEnded)
        {
            if (!boxes.Any(box => box.Terms.RecordOf(id)?.Epoch == record.Epoch))
            {
                await boxes[0].FollowAsync(id);
            }

            await Task.Delay(1);
        }

        var parts = await replicas.ReadPartsAsync(id, record.Parts, 0, CancellationToken.None);
        var log = parts.Value!.SelectMany(LogPart.Decode).Select(bytes => RunEventCodec.Read(bytes.Span)).ToList();
        Assert.Equal(record.Events, log.Count);
        foreach (var box in boxes)
        {
            box.Terms.Abandon();
            await box.Terms.EndOf(id);
            box.Runs.Dispose();
        }

        return (record, log, [.. boxes.Select(box => box.Journal)], overtaken);
    }

    /// <summary>One life of a box.</summary>
    private sealed class Life
    {
        private static readonly DurableOptions Options = new() { Lease = new LeaseTerms { LeaseMs = 120_000, StopMs = 60_000, RenewMs = 5, RetryMs = 0 }, OwnersMax = 1_000, TryAgainAfter = TimeSpan.Zero };
        private static int s_lives;

        private readonly string _name;
        private readonly FlakyReplicas _replicas;
        private readonly MemoryBlobs _blobs;
        private readonly string _instance;

        public Life(string name, FlakyReplicas replicas, MemoryJournal? journal = null, MemoryBlobs? blobs = null)
        {
            (_name, _replicas, _blobs, Journal) = (name, replicas, blobs ?? new MemoryBlobs(), journal ?? new MemoryJournal());
            _instance = $"{name}-{Interlocked.Increment(ref s_lives)}";
            var look = new FakeTool("look", ToolPurity.ReadOnly, async (_, _) =>
            {
                await Task.Yield();
                return ToolResult.Of(JsonValues.True);
            });
            var log = new ListLog();
            Runs = new RunService(
                new RunnerRooms
                {
                    Journal = Journal,
                    Blobs = _blobs,
                    History = new JournalHistory(Journal),
                    CallModel = new FakeModel(_ => new FakeAnswer(new string('x', 20_000))).CallAsync,
                    Time = TimeProvider.System,
                    Log = log,
                    Tools = new ToolSet([look]),
                },
                new RunnerOptions());
            var rooms = new DurableRooms
            {
                Runs = Runs,
                Journal = Journal,
                Blobs = _blobs,
                Self = name,
                Instance = _instance,
                PrincipalOf = _ => RunnerRig.Alice,
                Has = _ => true,
                Time = TimeProvider.System,
                Log = log,
            };
            Terms = new RunTerms(rooms, replicas, new ReplicaBlobs(replicas, _blobs, Options), Options);
        }

        public MemoryJournal Journal { get; }
        public RunService Runs { get; }
        public RunTerms Terms { get; }

        /// <summary>The same box after a crash: its disk and nothing else.</summary>
        public Life Again() => new(_name, _replicas, new MemoryJournal(Journal.Records), _blobs);

        public async Task<string> SubmitAsync()
        {
            var submission = new RunSubmission
            {
                Workflow = Encoding.UTF8.GetBytes(Workflow),
                Inputs = new Dictionary<string, RunInput> { ["names"] = RunInput.FromText("""["a","b","c"]""") },
                Anywhere = true,
            };
            var (submitted, result) = Runs.Check(submission, RunnerRig.Alice);
            Assert.True(submitted is not null, result.Message);
            var record = new RunRecord
            {
                Id = submitted.RunId,
                Epoch = 1,
                Owner = _name,
                Instance = _instance,
                Write = 1,
                Parts = [new TermParts(1, 0)],
                View = LeaseSimulation.View(RunStateName.Queued) with { Id = submitted.RunId },
            };
            while ((await Terms.CreateAsync(record, Runs.Slim(submitted), CancellationToken.None)).Status is not (ReplicaStatus.Done or ReplicaStatus.Conflict))
            {
                await Task.Yield();
            }

            return submitted.RunId;
        }

        public async Task FollowAsync(string id)
        {
            if (!Terms.Holds(id) && await _replicas.ReadAsync(id, CancellationToken.None) is { IsDone: true, Value: var found } && RunRecord.Decode(id, found.Value) is { HasEnded: false } record)
            {
                _ = await Terms.ClaimAsync(new RunSight(record, found.Revision, 0, false), CancellationToken.None);
            }
        }

        public static async Task<RunRecord?> ReadAsync(FlakyReplicas replicas, string id) =>
            await replicas.ReadAsync(id, CancellationToken.None) is { IsDone: true, Value: var found } ? RunRecord.Decode(id, found.Value) : null;
    }
}
