using Jesus.Appliance.Federation.Membership;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Federation.Membership;

/// <summary>Large fleets over simulated minutes: how much they say, and how soon a newcomer knows all of them.</summary>
public sealed class FleetPaceTests
{
    private const int StepMs = 250;

    [Theory]
    [InlineData(20, 81)]
    [InlineData(100, 82)]
    [InlineData(150, 83)]
    public void A_fleet_that_starts_at_once_settles_at_its_bound_and_everybody_knows_everybody(int boxes, int seed)
    {
        var fleet = new Fleet(boxes, seed);
        var interval = StatusPace.Default.For(boxes);
        const int settled = 20_000;
        var counted = 0L;
        for (var now = 0; now < settled + (2 * interval); now += StepMs)
        {
            counted += fleet.Step(now) * (now >= settled ? 1 : 0);
        }

        // A tenth above the bound for greetings and for the edges of what is counted.
        var perSecond = counted * 1_000.0 / (2 * interval);
        Assert.True(perSecond <= 2_000 * 1.1, $"seed {seed}: {perSecond:F0} deliveries a second");
        Assert.All(fleet.Tables, table => Assert.Equal(boxes, table.Boxes));
    }

    [Fact]
    public void A_newcomer_knows_a_large_fleet_within_seconds_though_its_statuses_are_far_apart()
    {
        const int boxes = 150;
        var fleet = new Fleet(boxes, seed: 84);
        var now = 0;
        for (; now < 30_000; now += StepMs)
        {
            _ = fleet.Step(now);
        }

        fleet.Join(seed: 85);
        for (var until = now + 5_000; now < until; now += StepMs)
        {
            _ = fleet.Step(now);
        }

        Assert.True(StatusPace.Default.For(boxes) > 10_000);
        Assert.Equal(boxes + 1, fleet.Tables[^1].Boxes);
        Assert.All(fleet.Tables, table => Assert.Equal(boxes + 1, table.Boxes));
        Assert.All(fleet.Tables[^1].Current, peer => Assert.Equal(2, peer.Models[0].PrefixDigests.Length));
    }

    /// <summary>Boxes on a network that delivers at once.</summary>
    private sealed class Fleet
    {
        private readonly TestDice _dice;
        private readonly List<Box> _boxes = [];

        public Fleet(int boxes, int seed)
        {
            _dice = new TestDice(seed);
            for (var i = 0; i < boxes; i++)
            {
                Join(seed + i);
            }
        }

        public IReadOnlyList<PeerTable> Tables => [.. _boxes.Select(b => b.Table)];

        public void Join(int seed)
        {
            var id = $"box-{_boxes.Count}";
            _boxes.Add(new Box(id, new PeerTable(id, (ulong)(1 + seed), 4_096), new AnnouncePlan(StatusPace.Default)));
        }

        /// <returns>Deliveries.</returns>
        public long Step(int now)
        {
            var deliveries = 0L;
            foreach (var box in _boxes)
            {
                if (box.Plan.IsDue(now, box.Table.Boxes, Dice()))
                {
                    var body = box.Status(withDigests: box.Sequence == 0);
                    foreach (var other in _boxes.Where(o => o != box))
                    {
                        deliveries++;
                        Hear(other, box, body, now);
                    }
                }

                while (box.Plan.TryTakeGreeting(now, out var peer))
                {
                    deliveries++;
                    Hear(_boxes.First(b => b.Id == peer), box, box.Status(withDigests: true), now);
                }
            }

            foreach (var box in _boxes)
            {
                box.Table.Look(now, hears: true);
            }

            return deliveries;
        }

        private void Hear(Box to, Box from, byte[] body, int now)
        {
            if (to.Table.Hear(from.Id, body, now) is StatusVerdict.New or StatusVerdict.Back)
            {
                to.Plan.Greet(from.Id, now, to.Table.Boxes, Dice());
            }
        }

        private ulong Dice() => (ulong)_dice.Next(int.MaxValue);
    }

    private sealed class Box(string id, PeerTable table, AnnouncePlan plan)
    {
        public string Id => id;
        public PeerTable Table => table;
        public AnnouncePlan Plan => plan;
        public ulong Sequence { get; private set; }

        public byte[] Status(bool withDigests) => Statuses.Bytes(Statuses.Head(table.Incarnation, ++Sequence, plan.IntervalMs, digests: withDigests), Statuses.Model("m", 1, 2));
    }
}
