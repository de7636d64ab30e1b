using Jesus.Appliance.Gateway.OpenAi.Responses;

namespace Jesus.Appliance.Tests.Gateway.OpenAi.Responses;

public sealed class BackgroundPlacesTests
{
    private readonly BackgroundPlaces _places = new();

    [Fact]
    public void One_principal_has_half_of_the_places_and_others_the_rest()
    {
        Assert.All(Enumerable.Range(0, 4), i => Assert.NotNull(Take("alice", (ulong)i + 1, 0).Place));
        Assert.Null(Take("alice", 5, 0).Place);
        Assert.All(Enumerable.Range(0, 4), i => Assert.NotNull(Take($"bob{i}", (ulong)i + 10, 0).Place));
        Assert.Null(Take("carol", 20, 0).Place);
        Assert.Equal(8, _places.Inside);
    }

    [Fact]
    public void Those_refused_are_told_times_one_after_another_by_how_long_responses_take_and_go_before_newcomers()
    {
        // Each takes 20 s; so the mean goes there.
        for (var i = 0; i < 100; i++)
        {
            _places.GiveBack(Take("alice", 1, i * 20_000L).Place!, wasMade: true, (i + 1) * 20_000L);
        }

        const long now = 2_000_000;
        BackgroundPlace[] taken = [.. Enumerable.Range(0, 4).Select(i => Take("alice", (ulong)i + 1, now).Place!)];
        var first = Take("alice", 11, now).WaitMs;
        var second = Take("alice", 12, now).WaitMs;
        Assert.InRange(first, 9_900, 10_100);
        Assert.InRange(second - first, 6_150, 6_350);

        _places.GiveBack(taken[0], wasMade: true, now + first - 500);
        Assert.Null(Take("alice", 13, now + first - 400).Place);
        Assert.NotNull(Take("alice", 11, now + first).Place);
    }

    [Fact]
    public void One_that_was_not_begun_gives_its_place_back_and_tells_nothing_of_how_long_they_take()
    {
        BackgroundPlace[] taken = [.. Enumerable.Range(0, 4).Select(i => Take("alice", (ulong)i + 1, 0).Place!)];
        var before = Take("alice", 5, 0).WaitMs;
        Assert.All(taken, place => _places.GiveBack(place, wasMade: false, 0));
        Assert.Equal(0, _places.Inside);
        Assert.All(Enumerable.Range(0, 4), i => Assert.NotNull(Take("bob", (ulong)i + 1, 0).Place));
        Assert.Equal(before, Take("bob", 5, 0).WaitMs);
    }

    private (BackgroundPlace? Place, long WaitMs) Take(string owner, ulong caller, long nowMs)
    {
        var place = _places.Take(owner, caller, 8, nowMs, out _, out var waitMs);
        Assert.Equal(place is null, waitMs > 0);
        return (place, waitMs);
    }
}
