using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Jesus.EndToEnd.Binary;
using Jesus.Tests.Nats;

namespace Jesus.EndToEnd.Fleet;

/// <summary>
/// Three published daemons on a real nats-server, each behind a link of its own; box A has no model, B and C have the demonstration model. Links are cut, boxes and the server
/// killed: every request ends in an answer or a clear error, none hangs, and an answer that another box went on with is the same to the letter.
/// </summary>
public sealed class FleetTests
{
    private const string Model = "jesus-nano";

    private const string Routes = """
        "routes": {
          "away": { "candidates": [ { "peer": "*", "model": "jesus-nano" } ] },
          "first-b": { "candidates": [ { "peer": "box-b", "model": "jesus-nano" }, { "peer": "box-c", "model": "jesus-nano" } ] },
          "cloud-down": { "candidates": [ { "provider": "cloud", "model": "big" }, { "peer": "*", "model": "jesus-nano" } ] }
        },
        "providers": { "cloud": { "adapter": "openai-compatible", "url": "http://127.0.0.1:9/v1", "models": [ { "name": "big" } ] } }
        """;

    /// <summary>Streams that are under way when something dies.</summary>
    private const int Streams = 100;

    /// <summary>Of them, those that have begun and not ended.</summary>
    private const int Middle = 4;

    private const int Tokens = 400;

    [Fact]
    public async Task A_box_without_the_model_has_its_peers_answer_also_where_the_provider_before_them_is_down()
    {
        await using var server = await NatsServer.StartAsync();
        await using var fleet = await ThreeAsync(server);
        var expected = await fleet.B.AskAsync(Model, 1, 60);
        Assert.Equal("", expected.Error);
        foreach (var route in new[] { "away", "first-b", "cloud-down" })
        {
            var answer = await fleet.A.AskAsync(route, 1, 60);
            Assert.True(answer.Error.Length == 0, answer.Error + fleet.A.Daemon.Log);
            Assert.Equal((expected.Text, expected.Finish), (answer.Text, answer.Finish));
        }

        // A model that nobody has is refused at once, by name.
        var missing = await fleet.A.AskAsync(Model + "-2", 1, 60);
        Assert.StartsWith("404", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_killed_in_the_middle_of_a_hundred_streams_costs_no_answer_a_letter()
    {
        await using var server = await NatsServer.StartAsync();
        await using var fleet = await ThreeAsync(server);
        var expected = await UncutAsync(fleet.C);

        SlowDown(fleet.B);
        var answers = Begin(fleet.A, "first-b");
        await UnderWayAsync(answers, "box-b");
        var killed = Stopwatch.GetTimestamp();
        await fleet.B.Daemon.KillAsync();
        var ended = await Task.WhenAll(answers.Select(a => a.Ended));
        var rescued = await fleet.A.MetricAsync("jesus_rescues_total", "outcome=\"rescued\"");
        Say($"{rescued} rescued, {await fleet.A.MetricAsync("jesus_fallbacks_total")} fallbacks");
        Judge("kill -9 of the box that answers", ended, expected, killed, exactMin: Streams);
        Assert.InRange(rescued, 1, Streams);

        // And without it the next calls are served as if nothing had been.
        var next = await fleet.A.AskAsync("first-b", 0, Tokens);
        Assert.Equal(("", expected[0]), (next.Error, next.Text));
    }

    [Fact]
    public async Task A_server_killed_in_the_middle_of_a_hundred_streams_leaves_none_hanging_and_comes_back_by_itself()
    {
        await using var server = await NatsServer.StartAsync();
        await using var fleet = await ThreeAsync(server);
        var expected = await UncutAsync(fleet.C);
        SlowDown(fleet.B, fleet.C);
        var answers = Begin(fleet.A, "away");
        await UnderWayAsync(answers);
        var killed = Stopwatch.GetTimestamp();
        await server.KillAsync();

        // Alone, each serves what it has itself, says how it is, and stays ready.
        var own = await fleet.B.AskAsync(Model, 0, Tokens);
        Assert.Equal(("", expected[0]), (own.Error, own.Text));
        Assert.Equal(System.Net.HttpStatusCode.OK, (await fleet.B.Daemon.Http.GetAsync("/readyz")).StatusCode);
        var ended = await Task.WhenAll(answers.Select(a => a.Ended));
        Judge("kill -9 of nats-server", ended, expected, killed, exactMin: 0);
        var refused = await fleet.A.AskAsync("away", 0, Tokens);
        Assert.NotEqual("", refused.Error);

        // Each comes back in its own time: A may be there before there is anybody to ask.
        await server.LaunchAsync();
        await fleet.A.SeesAsync("box-b", "box-c");
        var next = await AskUntilAnsweredAsync(fleet.A, 0, Tokens);
        Assert.Equal(("", expected[0]), (next.Error, next.Text));
    }

    [Fact]
    public Task A_link_cut_for_ten_seconds_leaves_none_hanging_and_heals() => PartitionAsync(TimeSpan.FromSeconds(10));

    /// <summary>JESUS_LONG=1 runs them: minutes of waiting that a build needs not have.</summary>
    [Theory]
    [InlineData(60)]
    [InlineData(600)]
    public Task A_link_cut_for_minutes_leaves_none_hanging_and_heals(int seconds)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("JESUS_LONG") == "1", $"JESUS_LONG=1 runs this; it takes over {seconds} s.");
        return PartitionAsync(TimeSpan.FromSeconds(seconds));
    }

    [Fact]
    public async Task Boxes_on_three_servers_help_each_other_and_stay_together_when_one_server_dies()
    {
        await using var cluster = await NatsCluster.StartAsync();
        await using var fleet = await FleetOfThree.StartAsync(cluster.Servers, Routes, direct: true);
        await fleet.A.SeesAsync("box-b", "box-c");
        var expected = await fleet.B.AskAsync(Model, 1, 60);
        Assert.Equal(expected.Text, (await fleet.A.AskAsync("away", 1, 60)).Text);
        await cluster.Servers[0].KillAsync();

        // A learned of the others from the one that died.
        var answer = await AskUntilAnsweredAsync(fleet.A, 1, 60);
        Assert.Equal(("", expected.Text), (answer.Error, answer.Text));
    }

    [Fact]
    public async Task A_box_on_a_leaf_node_is_helped_by_those_on_the_hub()
    {
        await using var hub = await NatsServer.StartAsync(new NatsServerOptions { Name = "hub", AcceptLeaves = true });
        await using var leaf = await NatsServer.StartAsync(new NatsServerOptions { Name = "leaf", LeafOf = hub.LeafPort });
        await using var fleet = await FleetOfThree.StartAsync([leaf, hub, hub], Routes);
        await fleet.A.SeesAsync("box-b", "box-c");
        var expected = await fleet.B.AskAsync(Model, 1, 60);
        var answer = await fleet.A.AskAsync("away", 1, 60);
        Assert.Equal(("", expected.Text), (answer.Error, answer.Text));
    }

    /// <summary>Nothing of it runs where no server is named: no word in the log, no thread, no metric of it.</summary>
    [Fact]
    public async Task A_box_in_no_federation_says_nothing_of_it()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        _ = await daemon.Http.GetStringAsync("/readyz");
        Assert.DoesNotContain("NATS", daemon.Log, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("federation", daemon.Log, StringComparison.OrdinalIgnoreCase);
        using var page = JsonDocument.Parse(await daemon.Http.GetStringAsync("/api/v1/peers"));
        Assert.False(page.RootElement.GetProperty("enabled").GetBoolean());
        var (exit, output, _) = await daemon.VerbAsync("peers");
        Assert.Equal(0, exit);
        Assert.Contains("federation.nats.urls", output, StringComparison.Ordinal);
    }

    private static async Task PartitionAsync(TimeSpan length)
    {
        await using var server = await NatsServer.StartAsync();
        await using var fleet = await ThreeAsync(server);
        var expected = await UncutAsync(fleet.C);
        SlowDown(fleet.B);
        var answers = Begin(fleet.A, "first-b");
        await UnderWayAsync(answers);
        var cut = Stopwatch.GetTimestamp();
        fleet.B.Link.Partition();
        var during = AskOnAsync(fleet.A, cut, length);
        var own = await fleet.B.AskAsync(Model, 0, Tokens);
        Assert.Equal(("", expected[0]), (own.Error, own.Text));
        var tried = await during;
        fleet.B.Link.Heal();
        var healed = Stopwatch.GetTimestamp();
        var ended = await Task.WhenAll(answers.Select(a => a.Ended));
        Judge($"a link cut for {length.TotalSeconds:0} s", ended, expected, cut, exactMin: 0);
        Assert.All(tried, answer => Assert.False(answer.Hangs, "a request during the cut hangs"));
        await fleet.A.SeesAsync("box-b", "box-c");
        Say($"{tried.Count} requests during the cut: {tried.Count(t => t.Error.Length == 0)} answered, {tried.Count(t => t.Error.Length > 0)} refused "
            + $"({string.Join("; ", tried.Select(t => t.Error).Where(e => e.Length > 0).Distinct())}); "
            + $"box-b eligible again {Stopwatch.GetElapsedTime(healed).TotalSeconds:0.0} s after it");
        var next = await fleet.A.AskAsync("first-b", 0, Tokens);
        Assert.Equal(("", expected[0]), (next.Error, next.Text));
    }

    /// <summary>
    /// The demonstration model would have said it all before its first readers have read a word: over a slow link the answers are in their middle.
    /// </summary>
    private static void SlowDown(params FleetBox[] boxes) => Array.ForEach(boxes, box => (box.Link.PieceMax, box.Link.BytesPerSecond) = (1_024, 50_000));

    /// <summary>Asks the peers again and again, for a minute at most.</summary>
    private static async Task<FleetAnswer> AskUntilAnsweredAsync(FleetBox box, int seed, int tokens)
    {
        var answer = await box.AskAsync("away", seed, tokens);
        for (var tries = 0; answer.Error.Length > 0 && tries < 600; tries++)
        {
            await Task.Delay(100);
            answer = await box.AskAsync("away", seed, tokens);
        }

        return answer;
    }

    /// <summary>A request each half second, as long as the link is cut.</summary>
    private static async Task<List<FleetAnswer>> AskOnAsync(FleetBox box, long from, TimeSpan length)
    {
        var asked = new List<Task<FleetAnswer>>();
        while (Stopwatch.GetElapsedTime(from) < length)
        {
            asked.Add(box.AskAsync("first-b", asked.Count, 20));
            await Task.Delay(500);
        }

        return [.. await Task.WhenAll(asked)];
    }

    private static async Task<FleetOfThree> ThreeAsync(NatsServer server)
    {
        var fleet = await FleetOfThree.StartAsync([server, server, server], Routes);
        await fleet.A.SeesAsync("box-b", "box-c");
        return fleet;
    }

    /// <summary>What each request is answered by a box that nobody disturbs.</summary>
    private static async Task<string[]> UncutAsync(FleetBox box)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, Streams).Select(seed => box.AskAsync(Model, seed, Tokens)));
        Assert.All(answers, a => Assert.Equal("", a.Error));
        return [.. answers.Select(a => a.Text)];
    }

    private static (FleetAnswer Answer, Task<FleetAnswer> Ended)[] Begin(FleetBox box, string model) => [.. Enumerable.Range(0, Streams).Select(seed =>
    {
        var answer = new FleetAnswer();
        return (answer, answer.AskAsync(box.Daemon, FleetAnswer.Body(model, seed, Tokens)));
    })];

    /// <summary>Until so many answers of a box are in their middle; it takes as many as it has places for, the others go to the other box or wait.</summary>
    private static async Task UnderWayAsync((FleetAnswer Answer, Task<FleetAnswer> Ended)[] answers, string box = "")
    {
        for (var waited = Stopwatch.StartNew();
            answers.Count(a => a.Answer.Pieces > 0 && !a.Ended.IsCompleted && a.Answer.Candidate.Contains(box, StringComparison.Ordinal)) < Middle;
            await Task.Delay(1))
        {
            var ended = answers.Where(a => a.Ended.IsCompleted).Select(a => a.Answer).ToArray();
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(120) && ended.Length < Streams,
                $"{answers.Count(a => a.Answer.Pieces > 0)} answers began; {ended.Length} ended: {string.Join("; ", ended.Select(e => e.Error + e.Finish).Distinct())}");
        }
    }

    /// <summary>Each is whole and exact, or a beginning of the exact answer and a clear error.</summary>
    private static void Judge(string what, FleetAnswer[] ended, string[] expected, long moment, int exactMin)
    {
        var exact = ended.Where((a, i) => a.Error.Length == 0 && !a.Hangs && a.Text == expected[i]).Count();
        var hangs = ended.Count(a => a.Hangs);
        var errors = ended.Where(a => a.Error.Length > 0).ToArray();
        var middle = ended.Where(a => a.BeganBefore(moment)).Select(a => a.SilentUntil(moment)).OfType<double>().Order().ToArray();
        Say($"{what}: {ended.Length} streams, {exact} exact, {errors.Length} clear errors, {hangs} hang; {middle.Length} were in their middle and went on: "
            + $"from it to the first token after the longest silence p50 {At(middle, 0.5)} ms, p99 {At(middle, 0.99)} ms");
        Assert.Equal(0, hangs);
        for (var i = 0; i < ended.Length; i++)
        {
            var answer = ended[i];
            Assert.True(expected[i].StartsWith(answer.Text, StringComparison.Ordinal), $"answer {i} differs:\n{answer.Text}\nuncut:\n{expected[i]}");
            Assert.True(
                answer.Text == expected[i] ? answer.Error.Length == 0 || answer.Finish.Length == 0 : answer.Error.Length > 0,
                $"answer {i} is short and says nothing: {answer.Text}");
            Assert.DoesNotContain("connection:", answer.Error, StringComparison.Ordinal);
        }

        Assert.True(exact >= exactMin, $"{what}: {exact} of {ended.Length} are exact; errors: {string.Join("; ", errors.Select(e => e.Error).Distinct())}");
    }

    private static string At(double[] sorted, double share) =>
        sorted.Length == 0 ? "-" : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))].ToString("0", CultureInfo.InvariantCulture);

    private static void Say(string text)
    {
        TestContext.Current.SendDiagnosticMessage(text);
        TestContext.Current.TestOutputHelper?.WriteLine(text);
    }
}
