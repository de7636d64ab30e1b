using Jesus.Transport.Nats.Requests;

namespace Jesus.Transport.Tests.Nats;

public sealed class TimerWheelTests
{
    private const int TurnMs = 2_048;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(TurnMs)]
    [InlineData(TurnMs + 3)]
    [InlineData(60_000)]
    [InlineData((long)int.MaxValue * 2)]
    public void A_timer_ends_at_its_time_and_not_before(long dueMs)
    {
        var wheel = new TimerWheel(0);
        Span<int> due = stackalloc int[4];
        wheel.Start(7, dueMs);
        Assert.Equal(0, wheel.Advance(dueMs - 1, due));
        Assert.Equal(1, wheel.Advance(dueMs, due));
        Assert.Equal((7, 0), (due[0], wheel.Count));
        Assert.Equal(0, wheel.Advance(dueMs + (2 * TurnMs), due));
    }

    [Fact]
    public void A_timer_of_the_past_ends_with_the_next_advance()
    {
        var wheel = new TimerWheel(5_000);
        Span<int> due = stackalloc int[4];
        wheel.Start(0, 10);
        Assert.Equal(1, wheel.Advance(5_000, due));
    }

    [Fact]
    public void A_cancelled_slot_is_used_again_with_its_new_time_alone()
    {
        var wheel = new TimerWheel(0);
        Span<int> due = stackalloc int[4];
        wheel.Start(3, 100);
        wheel.Start(4, 100);
        wheel.Start(5, 100);
        wheel.Cancel(4);
        wheel.Cancel(4);
        wheel.Start(4, 100 + TurnMs);
        Assert.Equal(2, wheel.Advance(1_000, due));
        Assert.DoesNotContain(4, due[..2].ToArray());
        Assert.Equal(0, wheel.Advance(99 + TurnMs, due));
        Assert.Equal(1, wheel.Advance(100 + TurnMs, due));
        Assert.Equal(4, due[0]);
        wheel.Cancel(4);
        wheel.Cancel(9_999);
        Assert.Equal(0, wheel.Count);
    }

    [Fact]
    public void More_timers_than_one_look_holds_end_over_several()
    {
        var wheel = new TimerWheel(0);
        Span<int> due = stackalloc int[64];
        for (var slot = 0; slot < 1_000; slot++)
        {
            wheel.Start(slot, 50);
        }

        var ended = new HashSet<int>();
        int count;
        do
        {
            count = wheel.Advance(50, due);
            Assert.All(due[..count].ToArray(), slot => Assert.True(ended.Add(slot)));
        }
        while (count == due.Length);
        Assert.Equal(1_000, ended.Count);
    }

    /// <summary>Against a plain list under a clock that is looked at each 20 ms, now and then late: each ends at the first look after its time, once.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Tens_of_thousands_started_and_cancelled_by_chance_end_at_the_first_look_after_their_time(int seed)
    {
        const int Slots = 65_536;
        var dice = new Random(seed);
        var now = 1_000L * seed;
        var wheel = new TimerWheel(now);
        var model = new long[Slots];
        Span<int> due = stackalloc int[64];
        for (var look = 0; look < 600; look++)
        {
            for (var i = 0; i < 400; i++)
            {
                var slot = dice.Next(Slots);
                if (model[slot] == 0)
                {
                    model[slot] = now + dice.Next(1, dice.Next(10) == 0 ? 60_000 : 3_000);
                    wheel.Start(slot, model[slot]);
                }
                else
                {
                    wheel.Cancel(slot);
                    model[slot] = 0;
                }
            }

            now += dice.Next(50) == 0 ? dice.Next(10_000) : 20;
            int count;
            do
            {
                count = wheel.Advance(now, due);
                foreach (var slot in due[..count])
                {
                    Assert.InRange(model[slot], 1, now);
                    model[slot] = 0;
                }
            }
            while (count == due.Length);
            Assert.DoesNotContain(model, at => at > 0 && at <= now);
            Assert.Equal(model.Count(at => at > 0), wheel.Count);
        }
    }

    [Fact]
    public void A_timer_allocates_nothing()
    {
        var wheel = new TimerWheel(0);
        Span<int> due = stackalloc int[64];
        wheel.Start(4_095, 1);
        _ = wheel.Advance(1, due);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100_000; i++)
        {
            wheel.Start(i & 4_095, i + 300);
            if (i % 3 == 0)
            {
                wheel.Cancel(i & 4_095);
            }

            _ = wheel.Advance(i, due);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
