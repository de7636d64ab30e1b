using System.Collections.Concurrent;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Tests.Runner;

/// <summary>The process dies at a random append, again and again, and the next one goes on from what reached the disk.</summary>
public sealed class CrashTests
{
    private const int Seeds = 300;

    private const string Workflow = """
        name: crashing
        inputs:
          names: list
        steps:
          look:
            tool: {name: look, arguments: {key: look}}
          think:
            needs: look
            prompt: {user: "say something"}
          each:
            needs: look
            map:
              over: ${inputs.names}
              as: name
              concurrency: 2
              steps:
                change:
                  tool: {name: change, arguments: {key: "${name}"}}
                check:
                  needs: change
                  tool: {name: look, arguments: {key: "${name}"}}
          agent:
            needs: think
            agent: {task: "change it", tools: [change]}
          last:
            needs: [each, agent]
            tool: {name: change, arguments: {key: last}}
        outputs:
          said: ${steps.think.output}
          count: ${length(steps.each.output)}
        """;

    [Fact]
    public async Task A_run_killed_at_any_moment_ends_and_no_side_effect_happens_twice()
    {
        var crashes = 0;
        var unknown = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var world = new World();
            var (view, died) = await LiveAsync(world, seed);
            crashes += died;
            var doubtful = Steps(view.Steps!).Count(step => step.State == StepStateName.Unknown);
            unknown += doubtful;

            Assert.True(world.Changes.Values.All(count => count == 1), $"seed {seed}: a side effect happened twice");
            if (view.State == RunStateName.Succeeded)
            {
                Assert.True(new[] { "a", "b", "c", "agent", "last" }.All(world.Changes.ContainsKey), $"seed {seed}: a side effect is missing");
                Assert.Equal(3, view.Outputs!.Value.GetProperty("count").GetInt32());
            }
            else
            {
                Assert.True(view.State == RunStateName.Failed && doubtful > 0, $"seed {seed}: {view.State} {view.Error}");
            }
        }

        Assert.True(crashes > Seeds, $"only {crashes} crashes in {Seeds} runs");
        Assert.InRange(unknown, 1, crashes);
    }

    [Fact]
    public async Task A_step_that_ended_is_not_carried_out_again_after_a_crash()
    {
        for (var seed = 1; seed <= 100; seed++)
        {
            var world = new World();
            var acknowledged = new ConcurrentDictionary<string, int>();
            _ = await LiveAsync(world, seed, (id, records) =>
            {
                // What the disk holds as ended when a life begins must not be looked at again in it.
                foreach (var record in records.Select(record => RunEventCodec.Read(record.Payload)).Where(item => item.Type == RunEventType.StepFinished))
                {
                    if (record.Step.EndsWith("/check", StringComparison.Ordinal))
                    {
                        _ = acknowledged.TryAdd(record.Step, world.Looks.GetValueOrDefault("each-" + record.Step[5]));
                    }
                }
            });
            foreach (var (step, looks) in acknowledged)
            {
                Assert.True(looks == world.Looks.GetValueOrDefault("each-" + step[5]), $"seed {seed}: {step} ran again");
            }
        }
    }

    [Fact]
    public async Task With_retry_unknown_a_doubtful_side_effect_is_tried_again_and_the_run_succeeds()
    {
        const string yaml = """
            name: stubborn
            steps:
              one:
                tool: {name: change, arguments: {key: one}}
                retry: {attempts: 1, unknown: true}
            """;
        var world = new World();
        var blobs = new MemoryBlobs();
        var journal = new MemoryJournal { CrashAt = 3 };
        string id;
        using (var rig = new RunnerRig(tools: world.ToolsOfThisLife(), journal: journal, blobs: blobs))
        {
            id = await rig.SubmitAsync(yaml);
            await journal.Crashed.Task;
        }

        using var second = new RunnerRig(tools: world.ToolsOfThisLife(), journal: new MemoryJournal(journal.Records), blobs: blobs);
        Assert.Equal(1, await second.Service.RecoverAsync(CancellationToken.None));
        Assert.Equal(RunStateName.Succeeded, (await second.EndAsync(id)).State);
        Assert.Equal(2, world.Changes["one"]);
    }

    [Fact]
    public async Task A_side_effect_without_a_result_is_unknown_after_a_crash_and_its_words_say_so()
    {
        const string yaml = """
            name: doubtful
            steps:
              one:
                tool: {name: change, arguments: {key: one}}
            """;
        var world = new World();
        var blobs = new MemoryBlobs();
        var journal = new MemoryJournal { CrashAt = 3 };
        string id;
        using (var rig = new RunnerRig(tools: world.ToolsOfThisLife(), journal: journal, blobs: blobs))
        {
            id = await rig.SubmitAsync(yaml);
            await journal.Crashed.Task;
        }

        using var second = new RunnerRig(tools: world.ToolsOfThisLife(), journal: new MemoryJournal(journal.Records), blobs: blobs);
        _ = await second.Service.RecoverAsync(CancellationToken.None);
        var view = await second.EndAsync(id);
        Assert.Equal(RunStateName.Failed, view.State);
        Assert.Equal(StepStateName.Unknown, view.Steps![0].State);
        Assert.Contains("outcome is not known", view.Error!, StringComparison.Ordinal);
        Assert.Equal(1, world.Changes["one"]);
    }

    private static async Task<(RunView View, int Crashes)> LiveAsync(World world, int seed, Action<string, IReadOnlyList<(JournalKind Kind, byte[] Payload)>>? beforeLife = null)
    {
#pragma warning disable RS0030 // The seed is the argument.
        var random = new Random(seed);
#pragma warning restore RS0030
        var blobs = new MemoryBlobs();
        IReadOnlyList<(JournalKind, byte[])> disk = [];
        var id = "";
        for (var life = 0; ; life++)
        {
            // A run of this workflow has about 24 events; the later lives are given more room, so that every run ends.
            var dies = life < 6;
            var journal = new MemoryJournal(disk) { CrashAt = dies ? random.Next(2, 16) : 0, LastIsDurable = random.Next(2) == 0 };
            beforeLife?.Invoke(id, journal.Records);
            using var rig = new RunnerRig(Answer, world.ToolsOfThisLife(), journal, blobs);
            if (life == 0)
            {
                id = await rig.SubmitAsync(Workflow, ("names", """["a","b","c"]"""));
            }
            else
            {
                _ = await rig.Service.RecoverAsync(CancellationToken.None);
            }

            var end = rig.EndAsync(id);
            if (await Task.WhenAny(end, journal.Crashed.Task) == end)
            {
                return (await end, life);
            }

            await Task.Delay(random.Next(3)); // what was under way in the dying process goes on a little
            disk = world.Kill(() => journal.Records);
        }
    }

    private static FakeAnswer Answer(Jesus.Inference.Contract.ModelRequest request) =>
        request.Tools.Count == 0 ? new FakeAnswer("something")
        : request.Turns[request.Turns.Count - 1].Role == Jesus.Inference.Contract.TurnRole.Tool ? new FakeAnswer("it is changed")
        : new FakeAnswer("{\"key\":\"agent\"}", Tool: "change");

    private static IEnumerable<StepView> Steps(IEnumerable<StepView> steps) => steps.SelectMany(step => Steps(step.Children).Prepend(step));

    /// <summary>What outlives every crash: what was changed, and how often somebody looked. A dead process reaches it no more.</summary>
    private sealed class World
    {
        private readonly Lock _gate = new();
        private int _life;

        public ConcurrentDictionary<string, int> Changes { get; } = new();
        public ConcurrentDictionary<string, int> Looks { get; } = new();

        public ITool[] ToolsOfThisLife()
        {
            var life = _life;
            return
            [
                new FakeTool("change", ToolPurity.SideEffect, (arguments, cancel) => CountAsync(life, Changes, Key(arguments))),
                new FakeTool("look", ToolPurity.ReadOnly, (arguments, cancel) => CountAsync(life, Looks, "each-" + (char)('0' + Math.Max(0, Key(arguments)[0] - 'a')))),
            ];
        }

        /// <summary>The process is dead: what the disk holds at that moment.</summary>
        public T Kill<T>(Func<T> disk)
        {
            lock (_gate)
            {
                _life++;
                return disk();
            }
        }

        private async ValueTask<ToolResult> CountAsync(int life, ConcurrentDictionary<string, int> counts, string key)
        {
            lock (_gate)
            {
                if (life == _life)
                {
                    _ = counts.AddOrUpdate(key, 1, (_, count) => count + 1);
                    return ToolResult.Of(JsonValues.True);
                }
            }

            await Task.Delay(Timeout.Infinite, CancellationToken.None);
            return default;
        }

        private static string Key(JsonElement arguments) => arguments.GetProperty("key").GetString()!;
    }
}
