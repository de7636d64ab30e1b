using System.Text;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Federation.Membership;

public sealed class PeerTableTests
{
    private readonly PeerTable _table = new("me", 99, 4_096);
    private long _at;

    [Fact]
    public void A_status_is_shown_as_it_was_told()
    {
        var head = Statuses.Head(7, 1);
        var model = Statuses.Model("llama", 11, 12) with
        {
            Numerics = new(1, 2, 3, 4),
            FreeKvBlocks = 77,
            PrefillTokensPerSecond = 900,
            DecodeTokensPerSecond = 45.5f,
            Price = new PeerPrice(0.5, 1.5, 2),
        };
        Assert.Equal(StatusVerdict.New, _table.Hear("a", Statuses.Bytes(head, model), 5_000));
        var peer = Assert.Single(_table.Current);
        Assert.Equal(("a", PeerState.Alive, "1.2.3", 1_000, true, ""), (peer.Id, peer.State, peer.Version, peer.IntervalMs, peer.IsEligible, peer.WhyNotEligible(5_000)));
        Assert.Equal(250, peer.AgeMs(5_250));
        var shown = Assert.Single(peer.Models);
        Assert.Equal([11UL, 12UL], shown.PrefixDigests.ToArray());
        Assert.True(shown.HasPrefix(12) && !shown.HasPrefix(13));
        Assert.Equal((10, 20, 30), (shown.DelayMs(Lane.Interactive), shown.DelayMs(Lane.Agent), shown.DelayMs(Lane.Batch)));
        Assert.Equal(model with { NameUtf8 = shown.NameUtf8, PrefixDigests = shown.PrefixDigests }, shown);
        Assert.Same(shown, peer.Find("llama"u8));
        Assert.Null(peer.Find("other"));
    }

    [Fact]
    public void Digests_stay_while_a_status_does_not_carry_them_and_end_with_the_life()
    {
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 1), Statuses.Model("m", 1, 2)), 0);
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 2, digests: false), Statuses.Model("m", 3)), 1_000);
        Assert.Equal([1UL, 2UL], _table.Find("a")!.Models[0].PrefixDigests.ToArray());
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 3), Statuses.Model("m")), 2_000);
        Assert.Empty(_table.Find("a")!.Models[0].PrefixDigests.ToArray());
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 4), Statuses.Model("m", 5)), 3_000);
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(8, 1, digests: false), Statuses.Model("m", 5)), 4_000);
        Assert.Empty(_table.Find("a")!.Models[0].PrefixDigests.ToArray());
    }

    [Fact]
    public void Who_missed_the_status_in_which_digests_changed_knows_none_until_they_come_again()
    {
        PeerModelView[] before = [Statuses.Model("m", 1, 2)];
        PeerModelView[] after = [Statuses.Model("m", 3)];
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 1) with { DigestPrint = StatusWriter.PrintOf(before) }, before), 0);
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 2, digests: false) with { DigestPrint = StatusWriter.PrintOf(before) }, before), 1_000);
        Assert.Equal([1UL, 2UL], _table.Find("a")!.Models[0].PrefixDigests.ToArray());
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 4, digests: false) with { DigestPrint = StatusWriter.PrintOf(after) }, after), 3_000);
        Assert.Empty(_table.Find("a")!.Models[0].PrefixDigests.ToArray());
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 5) with { DigestPrint = StatusWriter.PrintOf(after) }, after), 4_000);
        Assert.Equal([3UL], _table.Find("a")!.Models[0].PrefixDigests.ToArray());
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(30_000)]
    public void A_peer_is_suspect_after_three_missed_statuses_and_gone_after_ten(int interval)
    {
        _ = _table.Hear("a", 7, 1, 0, intervalMs: interval);
        Assert.Equal(PeerState.Alive, At(3 * interval));
        Assert.Equal(PeerState.Suspect, At((3 * interval) + (interval / 4)));
        Assert.Equal(Ineligible.Suspect, _table.Find("a")!.WhyNot);
        Assert.Equal(PeerState.Suspect, At((10 * interval) - 1));
        Assert.Equal(PeerState.Gone, At(10 * interval));
        Assert.Equal(1, _table.Boxes);
    }

    [Fact]
    public void A_peer_that_drains_takes_nothing_new_and_has_left_when_it_is_silent()
    {
        _ = _table.Hear("a", 7, 1, 0);
        _ = _table.Hear("a", 7, 2, 500, draining: true);
        Assert.Equal((PeerState.Draining, Ineligible.Draining), (_table.Find("a")!.State, _table.Find("a")!.WhyNot));
        Assert.Equal(PeerState.Draining, At(3_000));
        Assert.Equal(PeerState.Gone, At(3_750));
    }

    [Fact]
    public void A_new_life_replaces_the_old_and_a_planned_one_is_trusted_at_once()
    {
        _ = _table.Hear("a", 7, 900, 0, draining: true);
        Assert.Equal(StatusVerdict.New, _table.Hear("a", 8, 1, 2_000));
        var peer = Assert.Single(_table.Current);
        Assert.Equal((8UL, PeerState.Alive, true, 2_000L), (peer.Incarnation, peer.State, peer.IsEligible, peer.SinceMs));

        // A crash is trusted again a little later.
        Assert.Equal(StatusVerdict.New, _table.Hear("a", 9, 1, 4_000));
        Assert.Equal(Ineligible.Flapping, _table.Find("a")!.WhyNot);
        _ = _table.Hear("a", 9, 2, 5_001);
        Assert.True(_table.Find("a")!.IsEligible);
    }

    [Fact]
    public void Old_and_repeated_statuses_change_nothing()
    {
        _ = _table.Hear("a", 7, 5, 0);
        Assert.Equal(StatusVerdict.Stale, _table.Hear("a", 7, 5, 1_000));
        Assert.Equal(StatusVerdict.Stale, _table.Hear("a", 7, 4, 1_000));
        Assert.Equal(0, _table.Find("a")!.SeenMs);
        _ = _table.Hear("a", 8, 1, 1_000);
        Assert.Equal(StatusVerdict.Stale, _table.Hear("a", 7, 5, 1_100));

        // One that was on its way when the box was killed.
        Assert.Equal(StatusVerdict.Stale, _table.Hear("a", 7, 6, 1_200));
        Assert.Equal(8UL, _table.Find("a")!.Incarnation);
    }

    [Fact]
    public void Two_boxes_with_one_id_are_found_out_and_neither_is_sent_anything_until_one_is_silent()
    {
        var verdicts = new List<StatusVerdict>();
        for (var i = 1UL; i <= 4; i++)
        {
            verdicts.Add(_table.Hear("a", 7, i, (long)i * 1_000));
            verdicts.Add(_table.Hear("a", 8, i, ((long)i * 1_000) + 400));
        }

        Assert.Contains(StatusVerdict.DuplicateId, verdicts);
        Look(4_500);
        Assert.Equal(Ineligible.DuplicateId, _table.Find("a")!.WhyNot);
        Assert.Contains("federation.peer", _table.Find("a")!.WhyNotEligible(4_500), StringComparison.Ordinal);

        // The one that came second goes; the first has the id again.
        for (var i = 5UL; i <= 40; i++)
        {
            _ = _table.Hear("a", 7, i, (long)i * 1_000);
            Look((long)i * 1_000);
        }

        var peer = Assert.Single(_table.Current);
        Assert.Equal((7UL, PeerState.Alive, true), (peer.Incarnation, peer.State, peer.IsEligible));
    }

    [Fact]
    public void A_box_hears_when_another_has_its_own_id_and_not_itself()
    {
        Assert.Equal(StatusVerdict.Own, _table.Hear("me", 99, 1, 0));
        Assert.False(_table.OwnIdTaken(0));
        Assert.Equal(StatusVerdict.OwnIdTaken, _table.Hear("me", 98, 1, 100));
        Assert.True(_table.OwnIdTaken(1_000));
        Assert.False(_table.OwnIdTaken(70_000));
        Assert.Empty(_table.Current);
    }

    [Fact]
    public void A_peer_that_comes_and_goes_waits_ever_longer_up_to_a_minute_and_is_forgiven_in_quiet()
    {
        var (now, sequence, holds) = (0L, 0UL, new List<long>());
        for (var time = 0; time < 10; time++)
        {
            _ = _table.Hear("a", 7, ++sequence, now);
            holds.Add(Math.Max(0, _table.Find("a")!.HeldUntilMs - now));
            now = Silence(now, 5_000);
        }

        Assert.Equal([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000], holds);
        for (var i = 0; i < 12 * 60; i++)
        {
            _ = _table.Hear("a", 7, ++sequence, now += 1_000);
            Look(now);
        }

        Assert.Equal((0, true), (_table.Find("a")!.Flaps, _table.Find("a")!.IsEligible));
    }

    [Fact]
    public void What_this_box_could_not_hear_is_not_held_against_its_peers()
    {
        _ = _table.Hear("a", 7, 1, 0);
        for (var now = 0L; now <= 20_000; now += 250)
        {
            _table.Look(now, hears: false);
        }

        Assert.Equal(PeerState.Gone, _table.Find("a")!.State);
        Assert.Equal(StatusVerdict.Back, _table.Hear("a", 7, 21, 20_100));
        Assert.True(_table.Find("a")!.IsEligible);
    }

    [Fact]
    public void A_box_that_is_not_connected_sends_to_nobody_and_says_why_until_it_is()
    {
        _ = _table.Hear("a", 7, 1, 0);
        _table.Look(250, hears: false);
        Assert.Equal((PeerState.Alive, false), (_table.Find("a")!.State, _table.Find("a")!.IsEligible));
        Assert.Equal("this box is not connected to NATS", _table.Find("a")!.WhyNotEligible(250));
        _table.Look(500, hears: true);
        Assert.True(_table.Find("a")!.IsEligible);
    }

    [Fact]
    public void A_box_that_stood_still_judges_nobody_before_it_has_read_what_came()
    {
        _ = _table.Hear("a", 7, 1, 0);
        _table.Look(250, hears: true);
        _table.Look(60_000, hears: true);
        Assert.Equal(PeerState.Alive, _table.Find("a")!.State);
        Assert.Equal(StatusVerdict.Taken, _table.Hear("a", 7, 2, 60_100));
        for (var now = 60_250; now < 61_500; now += 250)
        {
            _table.Look(now, hears: true);
        }

        Assert.Equal((PeerState.Alive, true), (_table.Find("a")!.State, _table.Find("a")!.IsEligible));
    }

    [Fact]
    public void A_peer_that_says_too_much_is_not_listened_to_and_others_are()
    {
        var verdicts = Enumerable.Range(1, 100).Select(i => _table.Hear("a", 7, (ulong)i, i)).ToList();
        Assert.Equal(80, verdicts.Count(v => v == StatusVerdict.TooOften));
        Assert.Equal(StatusVerdict.New, _table.Hear("b", 7, 1, 100));
        Assert.Equal(StatusVerdict.Taken, _table.Hear("a", 7, 101, 1_000));
    }

    [Fact]
    public void More_peers_than_may_be_are_refused_unless_one_is_gone()
    {
        var table = new PeerTable("me", 99, 3);
        foreach (var id in new[] { "a", "b", "c" })
        {
            Assert.Equal(StatusVerdict.New, table.Hear(id, 7, 1, 0));
        }

        Assert.Equal(StatusVerdict.TableFull, table.Hear("d", 7, 1, 0));
        Assert.Equal(StatusVerdict.Taken, table.Hear("b", 7, 2, 9_000));
        for (var now = 0; now <= 10_500; now += 250)
        {
            table.Look(now, hears: true);
        }

        Assert.Equal(StatusVerdict.New, table.Hear("d", 7, 1, 10_500));
        Assert.Equal(3, table.Current.Length);
        Assert.Contains(table.Current, p => p.Id == "b");
        Assert.Contains(table.Current, p => p.Id == "d");
    }

    [Fact]
    public void A_peer_that_is_gone_for_long_is_forgotten_and_the_others_keep_their_places()
    {
        foreach (var id in new[] { "a", "b", "c" })
        {
            _ = _table.Hear(id, 7, 1, 0);
        }

        var now = 0L;
        for (var sequence = 2UL; now <= 3_700_000; sequence++)
        {
            _ = _table.Hear("b", 7, sequence, now += 1_000);
            Look(now);
        }

        Assert.Equal("b", Assert.Single(_table.Current).Id);
        Assert.Equal(2, _table.Boxes);
        Assert.Equal(StatusVerdict.New, _table.Hear("c", 7, 2, now));
        Assert.Equal(["b", "c"], _table.Current.Select(p => p.Id));
    }

    [Fact]
    public void A_status_over_the_limits_is_cut_and_a_wrong_sender_refused()
    {
        ulong[] digests = [.. Enumerable.Range(1, PeerLimits.DigestsMax + 9).Select(d => (ulong)d)];
        var models = Enumerable.Range(0, PeerLimits.ModelsMax + 9).Select(i => Statuses.Model($"m{i}", digests)).ToArray();
        using var status = new PeerStatus();
        Assert.True(PeerStatus.TryRead(Statuses.Bytes(Statuses.Head(7, 1), models), status, out _));
        Assert.Equal(StatusVerdict.New, _table.Apply("a"u8, status, 0));
        Assert.Equal((PeerLimits.ModelsMax, PeerLimits.DigestsMax), (_table.Find("a")!.Models.Count, _table.Find("a")!.Models[^1].PrefixDigests.Length));
        Assert.Equal(StatusVerdict.Malformed, _table.Apply(""u8, status, 0));
        Assert.Equal(StatusVerdict.Malformed, _table.Apply(Encoding.ASCII.GetBytes(new string('x', 65)), status, 0));
        status.Incarnation = 0;
        Assert.Equal(StatusVerdict.Malformed, _table.Apply("b"u8, status, 0));
    }

    [Fact]
    public void A_box_without_models_is_shown_and_not_eligible()
    {
        _ = _table.Hear("a", Statuses.Bytes(Statuses.Head(7, 1)), 0);
        Assert.Equal("it offers no model", _table.Find("a")!.WhyNotEligible(0));
    }

    private PeerState At(long now)
    {
        Look(now);
        return _table.Find("a")!.State;
    }

    /// <summary>Looks a few times a second up to a moment, as the box does.</summary>
    private void Look(long now)
    {
        for (; _at < now; _at += 250)
        {
            _table.Look(_at, hears: true);
        }

        _at = now;
        _table.Look(now, hears: true);
    }

    /// <summary>Time in which nothing comes.</summary>
    private long Silence(long now, long ms)
    {
        Look(now + ms);
        return now + ms;
    }
}
