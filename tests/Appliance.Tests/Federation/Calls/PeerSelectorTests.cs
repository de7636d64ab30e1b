using Jesus.Appliance.Federation.Calls;

namespace Jesus.Appliance.Tests.Federation.Calls;

public sealed class PeerSelectorTests
{
    [Fact]
    public void The_peer_that_would_begin_soonest_goes_first_and_those_that_failed_last()
    {
        PeerOffer[] offers = [new(5_000, 1_000, false, 0, 4, false), new(0, 1_000, false, 0, 4, true), new(0, 100, false, 0, 4, false), new(0, 1_000, false, 0, 4, false)];
        Assert.Equal([3, 0, 2, 1], Choose(offers, promptTokens: 1_000, dice: 0));
    }

    [Fact]
    public void A_conversation_stays_where_its_beginning_is_warm_until_the_wait_there_is_longer_than_reading_it_anew()
    {
        PeerOffer[] offers = [new(0, 1_000, false, 0, 4, false), new(2_000, 1_000, true, 0, 4, false)];
        Assert.Equal(1, Choose(offers, promptTokens: 8_000, dice: 0)[0]);
        Assert.Equal(0, Choose(offers, promptTokens: 1_000, dice: 0)[0]);
    }

    [Fact]
    public void Calls_of_our_own_beyond_a_peer_s_places_count_before_its_next_status_says_so()
    {
        PeerOffer[] offers = [new(0, 1_000, false, 8, 4, false), new(300, 1_000, false, 0, 4, false)];
        Assert.Equal(1, Choose(offers, promptTokens: 100, dice: 0)[0]);
    }

    [Fact]
    public void Boxes_that_all_hear_the_same_old_statuses_do_not_all_run_to_the_same_peer()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var dice = new Random(seed);
            var offers = Enumerable.Range(0, 10).Select(_ => new PeerOffer(dice.Next(40), 1_000, false, 0, 8, false)).ToArray();
            var calls = new int[offers.Length];
            for (var box = 0; box < 50; box++)
            {
                calls[Choose(offers, 100, (ulong)dice.NextInt64())[0]]++;
            }

            // Five a peer would be even; boxes that all chose the least delay would send fifty to one.
            Assert.True(calls.Max() <= 25, $"seed {seed}: {string.Join(' ', calls)}");
        }
    }

    [Fact]
    public void Of_two_that_are_drawn_the_one_with_fewer_calls_of_ours_goes_first()
    {
        var dice = new Random(7);
        var offers = Enumerable.Range(0, 4).Select(_ => new PeerOffer(0, 1_000, false, 0, 100, false)).ToArray();
        for (var call = 0; call < 400; call++)
        {
            var index = Choose(offers, 100, (ulong)dice.NextInt64())[0];
            offers[index] = offers[index] with { OwnCalls = offers[index].OwnCalls + 1 };
        }

        Assert.All(offers, offer => Assert.InRange(offer.OwnCalls, 80, 120));
    }

    [Fact]
    public void Every_choice_is_of_different_peers_and_as_many_as_asked_for()
    {
        for (var seed = 0; seed < 1_000; seed++)
        {
            var dice = new Random(seed);
            var offers = Enumerable.Range(0, dice.Next(9))
                .Select(_ => new PeerOffer(dice.Next(3_000), dice.Next(3) * 500, dice.Next(2) == 0, dice.Next(9), dice.Next(5), dice.Next(4) == 0)).ToArray();
            var chosen = Choose(offers, dice.Next(10_000), (ulong)dice.NextInt64());
            Assert.True(chosen.Length == Math.Min(4, offers.Length) && chosen.Distinct().Count() == chosen.Length, $"seed {seed}");
        }
    }

    private static int[] Choose(PeerOffer[] offers, int promptTokens, ulong dice)
    {
        Span<int> chosen = stackalloc int[4];
        return chosen[..PeerSelector.Choose(offers, promptTokens, dice, new double[offers.Length], chosen)].ToArray();
    }
}
