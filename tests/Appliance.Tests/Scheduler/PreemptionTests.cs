using Jesus.Appliance.Scheduler;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>Who makes way at a door for a person's call, and that nobody does for ever.</summary>
public sealed class PreemptionTests(ITestOutputHelper output)
{
    private DoorTime _time = new();

    [Fact]
    public void A_person_takes_the_place_of_the_batch_that_came_last_and_it_comes_back_when_the_person_leaves()
    {
        var (scheduler, first) = (Scheduler(), Inside(Lane.Batch));
        var second = Inside(Lane.Batch);
        _ = Arrive(scheduler, 2, first, second);
        var person = Arrive(scheduler, 2, Inside(Lane.Interactive));
        Assert.True(person.IsInside);
        Assert.Equal((false, true), (first.IsHeld, second.IsHeld));
        person.Leave();
        Assert.Equal((false, false), (first.IsHeld, second.IsHeld));
    }

    [Fact]
    public void Nobody_makes_way_for_a_step_of_a_run_or_a_batch_nor_a_step_for_a_person()
    {
        var scheduler = Scheduler();
        var batch = Arrive(scheduler, 1, Inside(Lane.Batch));
        Assert.False(Arrive(scheduler, 1, Inside(Lane.Agent)).IsInside);
        Assert.False(Arrive(scheduler, 1, Inside(Lane.Batch)).IsInside);
        Assert.False(batch.IsHeld);
        var other = Scheduler();
        var step = Arrive(other, 1, Inside(Lane.Agent));
        Assert.False(Arrive(other, 1, Inside(Lane.Interactive)).IsInside);
        Assert.False(step.IsHeld);
    }

    [Fact]
    public void A_call_that_cannot_stand_still_keeps_its_place()
    {
        var scheduler = Scheduler();
        _ = Arrive(scheduler, 1, new DoorCall(_time, Lane.Batch, canStandStill: false));
        Assert.False(Arrive(scheduler, 1, Inside(Lane.Interactive)).IsInside);
    }

    [Fact]
    public async Task A_batch_that_could_not_be_reached_yet_makes_way_soon_after_it_can()
    {
        var scheduler = Scheduler();
        var batch = Arrive(scheduler, 1, new DoorCall(_time, Lane.Batch, canStandStill: false));
        var person = Arrive(scheduler, 1, Inside(Lane.Interactive));
        _time.Move(1_000);
        Assert.False(person.IsInside);
        batch.Attach();
        _time.Move(50);
        await person.LookAsync(isDue: true);
        Assert.Equal((true, true), (batch.IsHeld, person.IsInside));
    }

    [Fact]
    public void After_its_time_a_call_comes_back_although_people_wait_and_after_its_times_it_keeps_its_place()
    {
        var scheduler = Scheduler(times: 2, ms: 500);
        var batch = Arrive(scheduler, 1, Inside(Lane.Batch));
        var person = Arrive(scheduler, 1, Inside(Lane.Interactive));
        _time.Move(499);
        Assert.True(batch.IsHeld);
        _time.Move(1);
        Assert.False(batch.IsHeld);

        // It is inside beyond the slots until the person leaves: nobody else gets that place. The next person makes it stand still the second and last time.
        _ = Arrive(scheduler, 1, Inside(Lane.Interactive));
        Assert.True(batch.IsHeld);
        person.Leave();
        _time.Move(500);
        Assert.False(batch.IsHeld);
        _ = Arrive(scheduler, 1, Inside(Lane.Interactive));
        Assert.Equal((false, 2), (batch.IsHeld, batch.TimesHeld));
    }

    [Fact]
    public void A_prompt_that_finds_no_memory_has_as_many_made_way_as_it_takes_until_its_call_is_over()
    {
        var scheduler = Scheduler();
        DoorCall[] batches = [Inside(Lane.Batch), Inside(Lane.Batch), Inside(Lane.Batch)];
        _ = Arrive(scheduler, 10, batches);
        var small = Inside(Lane.Interactive);
        small.Arrive(scheduler, 10, tokens: 50, free: 50);
        Assert.DoesNotContain(batches, batch => batch.IsHeld);
        var large = Inside(Lane.Interactive);
        large.Arrive(scheduler, 10, tokens: 160, free: 50);
        Assert.Equal([false, true, true], batches.Select(batch => batch.IsHeld));

        // A free place is not what they wait for.
        small.Leave();
        Assert.Equal([false, true, true], batches.Select(batch => batch.IsHeld));
        large.Leave();
        Assert.DoesNotContain(batches, batch => batch.IsHeld);
    }

    [Fact]
    public void Preemption_can_be_turned_off()
    {
        var scheduler = Scheduler(times: 0);
        _ = Arrive(scheduler, 1, Inside(Lane.Batch));
        Assert.False(Arrive(scheduler, 1, Inside(Lane.Interactive)).IsInside);
    }

    [Fact]
    public async Task What_a_batch_gets_while_people_wait_is_its_lane_s_share_and_is_not_taken_back()
    {
        var scheduler = new TicketScheduler(new SchedulerOptions { InteractiveWeight = 1, BatchWeight = 1_000 }, () => _time.NowMs, _time);
        var agent = Arrive(scheduler, 1, Inside(Lane.Agent));
        var people = Arrive(scheduler, 1, Inside(Lane.Interactive), Inside(Lane.Interactive));
        var batch = Arrive(scheduler, 1, Inside(Lane.Batch));
        agent.Leave();
        await people[0].LookAsync(isDue: true);
        people[0].Leave();
        await batch.LookAsync(isDue: true);
        Assert.True(batch.IsInside);
        _ = Arrive(scheduler, 1, Inside(Lane.Interactive));
        Assert.False(batch.IsHeld);
    }

    /// <summary>
    /// By the dice, over a thousand doors: nobody but batches stands still, none more often or longer than the rule says, no more compute than there are places but for those whose
    /// time was up, no person waits while a batch could make way, and in the end all have been inside and nobody stands still.
    /// </summary>
    [Fact]
    public async Task Whatever_comes_and_goes_nobody_stands_still_for_ever_and_no_person_waits_for_a_batch()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var held = 0;
        for (var round = 0; round < 1_000; round++)
        {
            held += await PlayAsync(new TestDice(seed + round), $"seed {seed}, round {round}");
        }

        Assert.True(held > 100, $"{held} calls made way: the dice are loaded");
    }

    private async Task<int> PlayAsync(TestDice dice, string which)
    {
        var (slots, times, ms) = (1 + dice.Next(4), dice.Next(4), 1 + dice.Next(300));
        _time = new DoorTime();
        var scheduler = Scheduler(times, ms);
        List<DoorCall> all = [], there = [];
        for (var step = 0; step < 60 || there.Count > 0; step++)
        {
            switch (step < 60 ? dice.Next(4) : 1)
            {
                case 0:
                    var call = new DoorCall(_time, (Lane)dice.Next(3), canStandStill: dice.Next(5) > 0);
                    call.Arrive(scheduler, slots, dice.Next(400), dice.Next(3) == 0 ? 1 + dice.Next(400) : 0);
                    all.Add(call);
                    there.Add(call);
                    break;
                case 1 when there.Where(one => one.IsInside).ToArray() is { Length: > 0 } inside:
                    var leaver = inside[dice.Next(inside.Length)];
                    leaver.Leave();
                    _ = there.Remove(leaver);
                    break;
                default:
                    _time.Move(dice.Next(100));
                    break;
            }

            foreach (var one in there)
            {
                await one.LookAsync();
            }

            await SettleAsync(there, times, which);
            Check(there, slots, times, ms, which);
        }

        Assert.All(all, one => Assert.True(one.EnteredMs > 0 && !one.IsHeld, which));
        return all.Count(one => one.TimesHeld > 0);
    }

    /// <summary>While a batch could make way that never did (and has no place by its share, as one that waited may), no person waits.</summary>
    private static async Task SettleAsync(List<DoorCall> there, int times, string which)
    {
        if (times == 0 || !there.Exists(one => one is { Lane: Lane.Batch, CanStandStill: true, CameAtOnce: true, Computes: true, TimesHeld: 0 }))
        {
            return;
        }

        foreach (var person in there.Where(one => one is { Lane: Lane.Interactive, IsInside: false }))
        {
            await person.LookAsync(isDue: true);
            Assert.True(person.IsInside, $"{which}: a person waits beside a batch that could make way");
        }
    }

    private static void Check(List<DoorCall> there, int slots, int times, int ms, string which)
    {
        var beyond = there.Count(one => one.Computes && one.TimesHeld > 0);
        Assert.True(there.Count(one => one.Computes) <= slots + beyond, $"{which}: more compute than there are places");
        Assert.All(there, one => Assert.True(!one.IsHeld || one.Lane == Lane.Batch, $"{which}: a call of {one.Lane} stands still"));
        Assert.All(there, one => Assert.True(one.TimesHeld <= times, $"{which}: held {one.TimesHeld} times"));
        Assert.All(there, one => Assert.True(one.LongestHeldMs <= ms, $"{which}: held for {one.LongestHeldMs} ms instead of {ms}"));
    }

    private DoorCall Inside(Lane lane) => new(_time, lane);

    private static DoorCall Arrive(TicketScheduler scheduler, int slots, DoorCall call) => Arrive(scheduler, slots, [call])[0];

    private static DoorCall[] Arrive(TicketScheduler scheduler, int slots, params DoorCall[] calls)
    {
        Array.ForEach(calls, call => call.Arrive(scheduler, slots));
        return calls;
    }

    private TicketScheduler Scheduler(int times = 2, int ms = 30_000) =>
        new(new SchedulerOptions { PreemptionsMax = times, PreemptedMs = ms, QueueDepthMax = 1_000, InteractiveWaitMs = 3_600_000, AgentWaitMs = 3_600_000, BatchWaitMs = 3_600_000 },
            () => _time.NowMs, _time);
}
