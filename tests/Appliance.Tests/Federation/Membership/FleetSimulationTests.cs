using Jesus.Appliance.Federation.Membership;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Federation.Membership;

/// <summary>
/// Fleets of a few boxes over two simulated minutes: each with a clock of its own that starts anywhere and runs up to 2 % fast or slow, over a network that delays, loses,
/// repeats and cuts; boxes crash, start again, drain. A seed replays one.
/// </summary>
public sealed class FleetSimulationTests
{
    private const int Boxes = 5;
    private const int StepMs = 50;
    private const int NoiseMs = 60_000;

    /// <summary>Quiet at the end: ten statuses and the longest hold.</summary>
    private const int QuietMs = 75_000;

    [Fact]
    public void A_thousand_fleets_agree_on_who_is_there_once_it_is_quiet_and_never_trust_a_box_that_is_long_dead()
    {
        for (var seed = 1; seed <= 1_000; seed++)
        {
            var fleet = new Fleet(seed);
            for (var now = 0; now < NoiseMs + QuietMs; now += StepMs)
            {
                fleet.Step(now, isQuiet: now >= NoiseMs);
                if (now % 250 == 0)
                {
                    fleet.CheckNoneTrustsTheDead(now);
                }
            }

            fleet.CheckAgreement();
        }
    }

    private sealed class Fleet
    {
        private readonly int _seed;
        private readonly TestDice _dice;
        private readonly Box[] _boxes;
        private readonly List<Flight> _flights = [];
        private readonly bool[,] _cut = new bool[Boxes, Boxes];
        private ulong _lives = 1_000;

        public Fleet(int seed)
        {
            (_seed, _dice) = (seed, new TestDice(seed));
            _boxes = [.. Enumerable.Range(0, Boxes).Select(i => new Box($"box-{i}", _dice.Next(1_000_000_000), 0.98 + (_dice.Next(5) * 0.01)))];
            foreach (var box in _boxes)
            {
                box.Start(++_lives, 0);
            }
        }

        public void Step(int now, bool isQuiet)
        {
            if (!isQuiet)
            {
                Trouble(now);
            }
            else if (now == NoiseMs)
            {
                Calm(now);
            }

            for (var from = 0; from < Boxes; from++)
            {
                if (_boxes[from].TrySpeak(now, (ulong)_dice.Next(int.MaxValue)) is { } body)
                {
                    Send(from, body, now, isQuiet);
                }
            }

            Deliver(now);
            if (now % 250 == 0)
            {
                foreach (var box in _boxes.Where(b => b.IsUp))
                {
                    box.Table.Look(box.Clock(now), hears: true);
                }
            }
        }

        /// <summary>A box that is down for as long as two intervals of silence and all delays take is eligible for nobody.</summary>
        public void CheckNoneTrustsTheDead(int now)
        {
            foreach (var dead in _boxes.Where(b => !b.IsUp && now - b.DownSince > 5_000))
            {
                foreach (var box in _boxes.Where(b => b.IsUp && now - b.UpSince > 1_000))
                {
                    Assert.False(box.Table.Find(dead.Id)?.IsEligible ?? false, $"seed {_seed}, {now} ms: {box.Id} trusts {dead.Id}, which is dead since {dead.DownSince}");
                }
            }
        }

        public void CheckAgreement()
        {
            foreach (var box in _boxes.Where(b => b.IsUp))
            {
                Assert.Equal(_boxes.Count(b => b.IsUp), box.Table.Boxes);
                foreach (var other in _boxes.Where(b => b != box))
                {
                    var view = box.Table.Find(other.Id);
                    var said = $"seed {_seed}: {box.Id} says of {other.Id}: {view?.State}, {view?.WhyNot}";
                    Assert.True(other.IsUp ? view is { State: PeerState.Alive, IsEligible: true } && view.Incarnation == other.Life
                        : view is null or { State: PeerState.Gone, IsEligible: false }, said);
                }
            }
        }

        private void Trouble(int now)
        {
            switch (_dice.Next(400))
            {
                case 0:
                    _boxes[_dice.Next(Boxes)].Stop(now);
                    break;
                case 1:
                    _boxes[_dice.Next(Boxes)].IsDraining = true;
                    break;
                case 2 or 3 when Array.Find(_boxes, b => !b.IsUp) is { } down:
                    down.Start(++_lives, now);
                    break;
                case 4 or 5:
                    _cut[_dice.Next(Boxes), _dice.Next(Boxes)] = true;
                    break;
                case 6:
                    Array.Clear(_cut);
                    break;
                default:
                    break;
            }
        }

        /// <summary>The links are whole again; who drained has stopped.</summary>
        private void Calm(int now)
        {
            Array.Clear(_cut);
            foreach (var box in _boxes.Where(b => b.IsDraining))
            {
                box.Stop(now);
            }
        }

        private void Send(int from, byte[] body, int now, bool isQuiet)
        {
            for (var to = 0; to < Boxes; to++)
            {
                var lost = !isQuiet && _dice.Next(20) == 0;
                for (var copies = _dice.Next(30) == 0 ? 2 : 1; to != from && !lost && !_cut[from, to] && copies > 0; copies--)
                {
                    _flights.Add(new Flight(from, to, now + _dice.Next(isQuiet ? 150 : 900), body));
                }
            }
        }

        private void Deliver(int now)
        {
            for (var i = _flights.Count - 1; i >= 0; i--)
            {
                var flight = _flights[i];
                if (flight.AtMs <= now)
                {
                    _flights.RemoveAt(i);
                    if (_boxes[flight.To] is { IsUp: true } box)
                    {
                        _ = box.Table.Hear(_boxes[flight.From].Id, flight.Body, box.Clock(now));
                    }
                }
            }
        }
    }

    private readonly record struct Flight(int From, int To, int AtMs, byte[] Body);

    /// <summary>One box, life after life.</summary>
    private sealed class Box(string id, long clockStart, double clockRate)
    {
        private AnnouncePlan _plan = new(StatusPace.Default);
        private ulong _sequence;

        public string Id => id;
        public ulong Life { get; private set; }
        public bool IsUp { get; private set; }
        public bool IsDraining { get; set; }
        public int DownSince { get; private set; }
        public int UpSince { get; private set; }
        public PeerTable Table { get; private set; } = PeerTable.Empty;

        public long Clock(int now) => clockStart + (long)(now * clockRate);

        public void Start(ulong life, int now)
        {
            (Life, IsUp, IsDraining, UpSince, _sequence) = (life, true, false, now, 0);
            Table = new PeerTable(id, life, 100);
            _plan = new AnnouncePlan(StatusPace.Default);
        }

        public void Stop(int now)
        {
            if (IsUp)
            {
                (IsUp, IsDraining, DownSince) = (false, false, now);
            }
        }

        public byte[]? TrySpeak(int now, ulong dice) => IsUp && _plan.IsDue(Clock(now), Table.Boxes, dice)
            ? Statuses.Bytes(Statuses.Head(Life, ++_sequence, _plan.IntervalMs, IsDraining), Statuses.Model("m"))
            : null;
    }
}
