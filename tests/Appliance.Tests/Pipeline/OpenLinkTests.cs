using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class OpenLinkTests
{
    private static readonly RouteOptions LocalThenPeers = new() { Candidates = [new RouteCandidateOptions("local", "m"), new RouteCandidateOptions("", "") { Peer = "*" }] };

    [Fact]
    public async Task A_box_that_is_full_or_down_hands_the_call_to_a_peer_and_that_one_to_the_next()
    {
        var peers = new Peers("m", FakeAdapter.Failing("peer:b", ErrorCause.Overloaded), FakeAdapter.Saying("peer:c", "from c"));
        var test = new TestPipeline([Local(ErrorCause.Overloaded)], LocalThenPeers, peers: peers);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);
        Assert.Equal(("from c", "peer:c/m", 3), (sink.Text, outcome.Candidate, outcome.Attempts));
    }

    [Fact]
    public async Task A_model_that_only_peers_have_is_asked_for_by_its_name_or_by_the_peer_s()
    {
        var peers = new Peers("big", FakeAdapter.Saying("peer:b", "from b"), FakeAdapter.Saying("peer:c", "from c"));
        var test = new TestPipeline([Local(ErrorCause.Overloaded)], peers: peers);
        var sink = new CollectingSink();
        Assert.Equal("peer:b/big", (await test.RunAsync(sink, call => call.RouteName = "big")).Candidate);
        Assert.Equal("peer:c/big", (await test.RunAsync(sink, call => call.RouteName = "peer:c/big")).Candidate);
        var outcome = await test.RunAsync(sink, call => call.RouteName = "bigger");
        Assert.Equal((ErrorCause.ModelNotFound, 0), (outcome.Error.Cause, outcome.Attempts));
    }

    [Fact]
    public async Task A_call_that_has_come_through_as_many_boxes_as_it_may_stays_here()
    {
        var peers = new Peers("m", FakeAdapter.Saying("peer:b", "from b"));
        var test = new TestPipeline([Local(ErrorCause.Overloaded)], LocalThenPeers with { Retries = 0 }, peers: peers);
        var outcome = await test.RunAsync(new CollectingSink(), call => call.StaysHere = true);
        Assert.Equal((ErrorCause.Overloaded, 1), (outcome.Error.Cause, outcome.Attempts));
        Assert.Equal(ErrorCause.ModelNotFound, (await test.RunAsync(new CollectingSink(), call => (call.RouteName, call.StaysHere) = ("peer:b/m", true))).Error.Cause);
    }

    [Fact]
    public async Task Boxes_that_the_call_has_been_through_are_not_asked_again()
    {
        var peers = new Peers("m", FakeAdapter.Saying("peer:b", "from b"), FakeAdapter.Saying("peer:c", "from c"));
        var test = new TestPipeline([Local(ErrorCause.Overloaded)], LocalThenPeers, peers: peers);
        var outcome = await test.RunAsync(new CollectingSink(), call => call.Visited.Add("b"));
        Assert.Equal("peer:c/m", outcome.Candidate);
    }

    [Fact]
    public async Task A_route_of_peers_alone_says_why_nobody_answers()
    {
        var route = new RouteOptions { Candidates = [new RouteCandidateOptions("", "m") { Peer = "*" }] };
        var nobody = await new TestPipeline([], route, peers: new Peers("m")).RunAsync(new CollectingSink());
        Assert.Equal((ErrorCause.Overloaded, "nobody"), (nobody.Error.Cause, nobody.Error.Message));
        var alone = await new TestPipeline([], route).RunAsync(new CollectingSink());
        Assert.Contains("federation.nats.urls", alone.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_route_s_peers_are_checked_with_the_rest()
    {
        var errors = new List<string>();
        var options = new RouteOptions { Candidates = [new RouteCandidateOptions("local", "m") { Peer = "b" }, new RouteCandidateOptions("", "m") { Peer = "a.b" }] };
        _ = RouteTable.Build(new RoutesOptions { Routes = new Dictionary<string, RouteOptions> { ["r"] = options } }, [], errors);
        Assert.Collection(
            errors,
            e => Assert.Contains("names the provider 'local' and the peer 'b'", e, StringComparison.Ordinal),
            e => Assert.Contains("'a.b' is no peer's id", e, StringComparison.Ordinal));
    }

    [Fact]
    public void Conversations_served_lately_are_remembered_latest_first_and_only_so_many()
    {
        var memory = new PrefixMemory();
        for (var i = 1UL; i <= PrefixMemory.Kept + 1; i++)
        {
            memory.Note(i);
        }

        memory.Note(5);
        var current = memory.Current.ToArray();
        Assert.Equal((5UL, PrefixMemory.Kept + 1UL, PrefixMemory.Kept), (current[0], current[1], current.Length));
        Assert.DoesNotContain(1UL, current);
        Assert.Equal(current.Length, current.Distinct().Count());
    }

    private static FakeAdapter Local(ErrorCause cause) =>
        new("local", (_, _, _) => ValueTask.FromResult(new CallResult { Error = new ModelError(cause, "it failed") }), "local");

    /// <summary>Peers that all have one model.</summary>
    private sealed class Peers(string model, params FakeAdapter[] adapters) : ICandidateSource
    {
        private readonly Candidate[] _candidates = [.. adapters.Select(a => new Candidate(a, model, new CandidateTraits()))];

        public void Find(in SourceQuery query, List<Candidate> found)
        {
            var (peer, visited, asked) = (query.Peer, query.Visited, query.Model);
            found.AddRange(_candidates.Where(c => asked == model && (peer == "*" || c.Provider == "peer:" + peer) && !visited.Contains(c.Provider["peer:".Length..])));
        }

        public bool Knows(string peer, string asked) => asked == model && (peer == "*" || _candidates.Any(c => c.Provider == "peer:" + peer));

        public ModelError WhyNobody(in SourceQuery query) => new(ErrorCause.Overloaded, "nobody");

        public void Explain(in SourceQuery query, List<PassedOver> passedOver)
        {
        }
    }
}
