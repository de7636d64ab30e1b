using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Tests.Federation.Calls;

/// <summary>Peers as candidates of routes, without a network.</summary>
public sealed class PeerCandidatesTests
{
    private readonly PeerTable _table = new("a", 1, 64);

    [Fact]
    public void A_link_to_any_peer_stands_for_the_best_few_and_a_named_one_for_that()
    {
        for (var i = 0; i < 9; i++)
        {
            _ = _table.Hear($"b{i}", 1, 1, 0);
        }

        var source = Source();
        var list = new CandidateList();
        Assert.True(source.Expand(Ask("*"), list, 3).IsNone);
        Assert.Equal(PeerSelector.ChosenMax, list.Count);
        Assert.Equal(3, list.LinkOf(0));
        Assert.Equal(4, Enumerable.Range(0, 4).Select(i => list[i].Name).Distinct().Count());
        var named = new CandidateList();
        Assert.True(source.Expand(Ask("b7"), named, 0).IsNone);
        Assert.Equal(("peer/b7/m", 1, true, 4096), (named[0].Name, named.Count, named[0].Traits.LeavesBox, named[0].Traits.ContextTokens));

        // Twice the same: the second turn would be no other.
        Assert.True(source.Expand(Ask("b7"), named, 1).IsNone);
        Assert.Equal(1, named.Count);
    }

    [Fact]
    public void A_peers_candidate_keeps_its_health_over_calls_and_one_that_rests_is_asked_last()
    {
        _ = _table.Hear("b", 1, 1, 0);
        _ = _table.Hear("c", 1, 1, 0);
        var source = Source();
        var list = new CandidateList();
        _ = source.Expand(Ask("b"), list, 0);
        list[0].Health.Failed(ErrorCause.RateLimited, TimeSpan.FromMinutes(1), 0);
        for (var dice = 0UL; dice < 32; dice++)
        {
            var again = new CandidateList();
            _ = source.Expand(Ask("*") with { Dice = dice << 59 }, again, 0);
            Assert.Equal(["peer/c/m", "peer/b/m"], new[] { again[0].Name, again[1].Name });
            Assert.Same(list[0].Health, again[1].Health);
        }
    }

    [Fact]
    public void Nobody_is_asked_by_a_call_that_passed_as_many_boxes_as_it_may_and_the_reason_is_said()
    {
        _ = _table.Hear("b", 1, 1, 0);
        var list = new CandidateList();
        var ask = Ask("*");
        ask.Request.Visited.Add(new Utf8Slice("z"u8.ToArray()));
        Assert.Contains("maxHops", Source().Expand(ask, list, 0).Message, StringComparison.Ordinal);
        Assert.True(Source(new FederationOptions { MaxHops = 2 }).Expand(ask, list, 0).IsNone);
        Assert.Null(Source(new FederationOptions { MaxHops = 0 }).RouteFor("m"));
        Assert.Null(Source().RouteFor("other"));
        Assert.Equal(ErrorCause.ModelNotFound, Source().Expand(Ask("*") with { Model = "other" }, list, 0).Cause);
        _ = _table.Hear("b", 1, 2, 0, draining: true);
        Assert.Equal(ErrorCause.Overloaded, Source().Expand(Ask("*"), list, 0).Cause);
        List<ExplainedPeer> explained = [];
        Source().Explain(Ask("*"), explained);
        Assert.Equal((0, "it is draining"), (explained[0].Place, explained[0].Why));
    }

    [Fact]
    public void A_route_names_a_peer_or_a_provider_and_a_wrong_name_is_said()
    {
        List<string> errors = [];
        var options = new RoutesOptions
        {
            Routes = new Dictionary<string, RouteOptions>
            {
                ["r"] = new() { Candidates = [new RouteCandidateOptions("", "") { Peer = "*", On = [ErrorCause.Cut] }, new RouteCandidateOptions("local", "m")] },
            },
        };
        var local = new Candidate(FakeAdapter.Saying("local", "x", kind: "local"), "m", new CandidateTraits());
        var route = RouteTable.Build(options, [local], errors).Find("r")!;
        Assert.Empty(errors);
        Assert.Equal(2, route.Links.Count);
        Assert.Same(local, Assert.Single(route.Candidates));
        Assert.Equal((true, false, true), (route.FallsBackOn(0, ErrorCause.Cut), route.FallsBackOn(0, ErrorCause.Overloaded), route.FallsBackOn(1, ErrorCause.Overloaded)));
        var wrong = new RouteOptions { Candidates = [new RouteCandidateOptions("local", "m") { Peer = "b" }, new RouteCandidateOptions("", "") { Peer = "no id" }] };
        _ = RouteTable.Build(new RoutesOptions { Routes = new Dictionary<string, RouteOptions> { ["w"] = wrong } }, [local], errors);
        Assert.Equal(2, errors.Count);
        Assert.Contains("give one", errors[0], StringComparison.Ordinal);
        Assert.Contains("'no id' is no id of a box", errors[1], StringComparison.Ordinal);
    }

    private static SourceAsk Ask(string peer)
    {
        var request = new ModelRequest();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hello"));
        return new SourceAsk(peer, "m", request, 1_000, 5);
    }

    private PeerCandidates Source(FederationOptions? options = null) =>
        new(_table, options ?? new FederationOptions(), link => FakeAdapter.Saying("peer/" + link.Peer, "x", kind: "peer"));
}
