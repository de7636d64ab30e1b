using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Gateway;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>
/// Every fault through the whole gateway; what comes of it is the table in docs/faults.md. A row that has changed fails here; <c>JESUS_BLESS=1</c> writes the
/// table anew, for the change to be reviewed. What no table may ever say is asserted besides.
/// </summary>
public sealed class FaultTableTests
{
    public static TheoryData<string> Upstreams => [.. Upstream.All.Select(u => u.Api.Name)];

    [Theory]
    [MemberData(nameof(Upstreams))]
    public async Task Every_fault_has_the_outcome_that_the_table_shows(string api)
    {
        var upstream = Upstream.All.Single(u => u.Api.Name == api);
        var rows = new string[FaultPlace.All.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, rows.Length),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken },
            async (i, cancel) => rows[i] = await RowAsync(upstream, FaultPlace.All[i], cancel));
        FaultDocument.Check(api, rows);
    }

    private static async Task<string> RowAsync(Upstream upstream, FaultPlace place, CancellationToken cancel)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var cells = new List<string> { place.Name, place.What };
        var causes = new HashSet<ErrorCause>();
        var charges = new HashSet<string>();
        foreach (var client in new[] { upstream.Client, ClientApi.Anthropic })
        {
            var streamed = await RunAsync(client, stream: true, withNext: false, CommitPoint.FirstToken);
            var whole = await RunAsync(client, stream: false, withNext: false, CommitPoint.FirstToken);
            cells.Add(streamed.View.Says == whole.View.Says ? whole.View.Says : $"streamed: {streamed.View.Says}; whole: {whole.View.Says}");
        }

        cells.Insert(2, string.Join(" or ", causes.Select(NameOf)));
        var next = await RunAsync(upstream.Client, stream: true, withNext: true, CommitPoint.FirstToken);
        var held = await RunAsync(ClientApi.Anthropic, stream: false, withNext: true, CommitPoint.Complete);
        cells.Add(Fallback(next));
        cells.Add(Fallback(held));
        cells.Add(string.Join(" or ", charges));
        return "| " + string.Join(" | ", cells) + " |";

        async Task<FaultResult> RunAsync(ClientApi client, bool stream, bool withNext, CommitPoint commit)
        {
            var result = await FaultRun.RunAsync(gateway, upstream, place, client, stream, withNext, commit, cancel);
            Judge(place, result, withNext);
            causes.Add(result.Cause);
            charges.Add(result.Charge);
            return result;
        }
    }

    /// <summary>What holds for every fault, whatever the table says.</summary>
    private static void Judge(FaultPlace place, FaultResult result, bool withNext)
    {
        var where = $"{place.Name}: {result}";
        Assert.DoesNotContain(FaultScripts.Key, result.View.Body, StringComparison.Ordinal);

        // A failed answer never looks finished, and two candidates' words are never mixed.
        var answered = result.Cause == ErrorCause.None || result.NextAsked;
        Assert.True(answered || !result.View.Finished, where);
        Assert.False(result.View.Text.Contains(FaultRun.NextText, StringComparison.Ordinal) && result.View.Text.Contains(FaultScripts.Said, StringComparison.Ordinal), where);
        Assert.True(!result.NextAsked || result.View.Says == "answer", where);
        Assert.True(withNext || !result.NextAsked, where);
    }

    private static string Fallback(FaultResult result) =>
        result.Cause == ErrorCause.None ? "" : result.NextAsked ? "answers" : "is not asked";

    private static string NameOf(ErrorCause cause) => cause == ErrorCause.None ? "none" : CauseNames.Of(cause);
}
