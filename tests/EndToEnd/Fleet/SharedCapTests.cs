using System.Globalization;
using System.Net;
using Jesus.Tests.Nats;

namespace Jesus.EndToEnd.Fleet;

/// <summary>One cap of an organisation, spent from by the daemons of two boxes over a real nats-server that lets them do no more than they must.</summary>
public sealed class SharedCapTests
{
    /// <summary>Calls that the cap pays for: each costs a cent, whatever it says.</summary>
    private const int Calls = 60;

    private static readonly string Settings = $$"""
        "prices": [ { "provider": "local", "model": "*", "perCall": 0.01 } ],
        "budgets": { "caps": [ { "scope": "organisation", "usd": {{(Calls / 100.0).ToString(CultureInfo.InvariantCulture)}}, "owner": "box-a" } ] }
        """;

    [Fact]
    public async Task Two_boxes_spend_one_cap_to_its_end_and_never_past_it_and_one_that_is_cut_off_spends_only_what_it_holds()
    {
        NatsServer.SkipIfMissing();
        using var config = new FleetConfig();
        await config.AddAsync("fleet", "127.0.0.1", durable: true, "box-a", "box-b");
        await using var server = await config.StartServerAsync();
        await using var a = await FleetBox.StartAsync("box-a", server, settings: Settings, credentials: config);
        await using var b = await FleetBox.StartAsync("box-b", server, settings: Settings, credentials: config);

        // Nothing was lent to B yet: it is refused, asks, and is lent some.
        var (ofA, ofB) = (0, await SpendAsync(b, 1));
        ofA += await SpendAsync(a, 5);

        // Cut off, it has what it was lent: a few calls at most, and is then refused for good, while the owner goes on.
        b.Link.Partition();
        var alone = 0;
        for (var refusals = 0; refusals < 20;)
        {
            var isPaid = await TryAsync(b);
            (alone, refusals) = (alone + (isPaid ? 1 : 0), isPaid ? 0 : refusals + 1);
            await Task.Delay(50);
        }

        ofB += alone;
        Assert.InRange(alone, 0, Calls / 10);
        ofA += await SpendAsync(a, 5);
        Assert.True(ofA + ofB <= Calls, $"{ofA} of A and {ofB} of B, {Calls} are paid for");

        // Together again, both ask for all that is left, and get it, and no more.
        b.Link.Heal();
        ofB += await SpendAsync(b, 3);
        var rest = await Task.WhenAll(SpendAllAsync(a), SpendAllAsync(b));
        ofA += rest[0];
        ofB += rest[1];
        Assert.InRange(ofA + ofB, Calls - 3, Calls);
        Assert.DoesNotContain("ermissions Violation", a.Daemon.Log + b.Daemon.Log, StringComparison.Ordinal);
    }

    /// <summary>Spends until so many calls were paid for; the limit only ends a hang.</summary>
    private static async Task<int> SpendAsync(FleetBox box, int calls)
    {
        var paid = 0;
        for (var tries = 0; paid < calls; tries++)
        {
            Assert.True(tries < 2_000, $"{box.Name} was never lent enough:\n{box.Daemon.Log}");
            paid += await TryAsync(box) ? 1 : 0;
            await Task.Delay(20);
        }

        return paid;
    }

    /// <summary>Spends until nothing was lent for long.</summary>
    private static async Task<int> SpendAllAsync(FleetBox box)
    {
        var paid = 0;
        for (var refusals = 0; refusals < 100;)
        {
            var isPaid = await TryAsync(box);
            (paid, refusals) = (paid + (isPaid ? 1 : 0), isPaid ? 0 : refusals + 1);
            await Task.Delay(50);
        }

        return paid;
    }

    private static async Task<bool> TryAsync(FleetBox box)
    {
        var (status, body) = await box.Daemon.PostAsync("/v1/completions", """{"model":"jesus-nano","prompt":"Once","max_tokens":1}""");
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, $"{box.Name}: {status} {body}");
        return status == HttpStatusCode.OK;
    }
}
