using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Tests.Federation.Durable;

public sealed class LeaseTests
{
    private static readonly LeaseTerms Terms = new();

    [Fact]
    public void No_step_commits_twice_and_every_run_ends_whatever_links_and_boxes_do()
    {
        const int seeds = 2_000;
        const int steps = 12;
        var (owners, fenced) = (0L, 0);
        for (var seed = 1; seed <= seeds; seed++)
        {
            var world = new LeaseSimulation(seed, steps, faultsUntilMs: 120_000);
            world.RunTo(limitMs: 1_000_000);
            Assert.True(world.HasEnded, $"seed {seed}: the run had not ended after {world.Now} ms");
            Assert.True(world.Committed.SequenceEqual(Enumerable.Range(0, steps)), $"seed {seed}: committed {string.Join(' ', world.Committed)}");
            Assert.True(world.Acknowledged.IsSubsetOf(world.Committed), $"seed {seed}: a step was acknowledged and is not in the log");
            Assert.True(world.TwoAtWork == 0, $"seed {seed}: a box was still at work when another took the run");
            owners += world.Owners;
            fenced += world.Fenced;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"seeds 1 to {seeds}: {owners} terms, {fenced} owners met the fence");
        Assert.True(owners > seeds * 2, $"only {owners} terms in {seeds} histories: the faults were too mild");
        Assert.True(fenced == 0, "an owner met the fence although its lease should have stopped it before");
    }

    [Fact]
    public void The_fence_alone_keeps_a_step_from_committing_twice_when_a_box_sleeps_through_its_lease()
    {
        const int seeds = 2_000;
        const int steps = 12;
        var (fenced, two) = (0, 0);
        for (var seed = 1; seed <= seeds; seed++)
        {
            var world = new LeaseSimulation(seed, steps, faultsUntilMs: 120_000, clocksMayStop: true);
            world.RunTo(limitMs: 1_000_000);
            Assert.True(world.HasEnded, $"seed {seed}: the run had not ended after {world.Now} ms");
            Assert.True(world.Committed.SequenceEqual(Enumerable.Range(0, steps)), $"seed {seed}: committed {string.Join(' ', world.Committed)}");
            Assert.True(world.Acknowledged.IsSubsetOf(world.Committed), $"seed {seed}: a step was acknowledged and is not in the log");
            fenced += world.Fenced;
            two += world.TwoAtWork;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"seeds 1 to {seeds}: {two} times two boxes at work, {fenced} owners met the fence");
        Assert.True(two > 0 && fenced > 0, $"the fence was never needed: {two} times two at work, {fenced} met it");
    }

    [Fact]
    public void An_owner_that_hears_nothing_stops_before_anybody_may_follow_it()
    {
        var lease = new OwnerLease(Terms, epoch: 1, revision: 5, write: 1, begunAt: 1_000);
        var seenAtOnce = new RunSight(Record("a"), 5, SeenAt: 1_000, IsFromBefore: false);
        Assert.Equal(LeaseStep.Wait, lease.Next(1_000, hasWork: false));
        Assert.Equal(LeaseStep.Write, lease.Next(1_000 + Terms.RenewMs, hasWork: false));
        _ = lease.Begin(1_000 + Terms.RenewMs);
        _ = lease.Answered(ReplicaStatus.Unknown, 0);
        Assert.Equal(LeaseStep.Ask, lease.Next(1_000 + Terms.StopMs - 1, hasWork: true));
        Assert.Equal(LeaseStep.Stop, lease.Next(1_000 + Terms.StopMs, hasWork: true));
        Assert.True(ClaimRules.Until(seenAtOnce, "b", "b1", 1_000 + Terms.StopMs, Terms) > 0);
    }

    [Fact]
    public void A_lease_that_has_ended_never_comes_back()
    {
        var lease = new OwnerLease(Terms, 1, 5, 1, 0);
        Assert.Equal(LeaseStep.Stop, lease.Next(Terms.StopMs, hasWork: false));
        Assert.Equal(LeaseStep.Stop, lease.Next(0, hasWork: true));
    }

    [Fact]
    public void A_write_counts_from_before_it_was_first_asked_for_however_often_it_was_tried()
    {
        var lease = new OwnerLease(Terms, 1, 5, 1, 0);
        Assert.Equal(2, lease.Begin(1_000));
        _ = lease.Answered(ReplicaStatus.Unknown, 0);
        Assert.Equal(WriteVerdict.Open, lease.Found(epoch: 1, write: 1, revision: 5));
        Assert.Equal(2, lease.Begin(6_000));
        Assert.Equal(WriteVerdict.Committed, lease.Answered(ReplicaStatus.Done, 9));
        Assert.Equal(1_000 + Terms.StopMs, lease.StopAt);
        Assert.Equal(9UL, lease.Revision);
    }

    [Fact]
    public void A_conflict_that_was_ones_own_write_is_a_commit_and_one_that_was_not_is_the_end()
    {
        var mine = new OwnerLease(Terms, 3, 5, 1, 0);
        _ = mine.Begin(10);
        Assert.Equal(WriteVerdict.Open, mine.Answered(ReplicaStatus.Conflict, 0));
        Assert.Equal(WriteVerdict.Committed, mine.Found(3, 2, 8));

        var anothers = new OwnerLease(Terms, 3, 5, 1, 0);
        _ = anothers.Begin(10);
        _ = anothers.Answered(ReplicaStatus.Conflict, 0);
        Assert.Equal(WriteVerdict.Lost, anothers.Found(4, 1, 8));
        Assert.True(anothers.IsOver);
    }

    [Fact]
    public void A_read_from_a_server_that_is_behind_ends_nothing()
    {
        var lease = new OwnerLease(Terms, 3, 9, 4, 0);
        _ = lease.Begin(10);
        _ = lease.Answered(ReplicaStatus.Unknown, 0);
        Assert.Equal(WriteVerdict.Open, lease.Found(epoch: 2, write: 7, revision: 6));
        Assert.Equal(LeaseStep.Write, lease.Next(20, hasWork: true));
    }

    [Theory]
    [InlineData("", "", 0L)]
    [InlineData("b", "b1", 0L)]
    public void What_was_given_back_or_is_ones_own_may_be_taken_at_once(string owner, string instance, long expected) =>
        Assert.Equal(expected, ClaimRules.Until(new RunSight(Record(owner, instance), 1, 0, false), "b", "b1", 0, Terms));

    [Fact]
    public void An_earlier_life_of_a_box_is_followed_at_once_only_when_it_was_seen_at_the_start()
    {
        var record = Record("b", "b0");
        Assert.Equal(0L, ClaimRules.Until(new RunSight(record, 1, 0, IsFromBefore: true), "b", "b1", 0, Terms));
        Assert.True(ClaimRules.Until(new RunSight(record, 1, 0, IsFromBefore: false), "b", "b1", 0, Terms) >= Terms.LeaseMs);
    }

    [Fact]
    public void An_ended_run_is_never_followed() =>
        Assert.Null(ClaimRules.Until(new RunSight(Record("a") with { View = LeaseSimulation.View(RunStateName.Failed) }, 1, 0, false), "b", "b1", 1_000_000, Terms));

    [Fact]
    public void A_record_comes_back_as_it_was_written_and_one_of_a_later_form_is_left_alone()
    {
        var record = Record("a", "a1") with { Parts = [new TermParts(1, 3), new TermParts(4, 0)], Events = 7, Needs = ["tool:calc"], Origin = "c", Team = "t" };
        var back = RunRecord.Decode("r", record.Encode())!;
        Assert.Equal(
            (record.Epoch, record.Owner, record.Instance, record.Write, record.Events, record.Origin, record.Team),
            (back.Epoch, back.Owner, back.Instance, back.Write, back.Events, back.Origin, back.Team));
        Assert.Equal(record.Parts, back.Parts);
        Assert.Equal(record.Needs, back.Needs);
        Assert.Equal(record.View, back.View);
        Assert.Null(RunRecord.Decode("r", (record with { Form = RunRecord.FormNow + 1 }).Encode()));
        Assert.Null(RunRecord.Decode("r", "{}"u8.ToArray()));
        Assert.Null(RunRecord.Decode("r", "no"u8.ToArray()));
    }

    private static RunRecord Record(string owner, string instance = "x") =>
        new() { Id = "r", Epoch = 1, Owner = owner, Instance = instance, Write = 1, Parts = [new TermParts(1, 0)], View = LeaseSimulation.View(RunStateName.Running) };
}
