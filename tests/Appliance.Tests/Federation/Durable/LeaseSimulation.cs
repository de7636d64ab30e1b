using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>
/// Boxes, a store and the links between them in a time of their own: one seed is one history. The store is what JetStream promises (compare and set in one
/// order); a link delays, loses requests, loses answers, lets what was lost in time arrive late, and is cut for a while; a box dies and comes back
/// without memory; every box's clock has an offset and a rate. A run of numbered steps is carried by whoever owns it, with the rules of the daemon: <see cref="OwnerLease"/>,
/// <see cref="ClaimRules"/>, <see cref="RunRecord"/>.
/// </summary>
internal sealed class LeaseSimulation
{
    private const string Run = "r";
    private const int Boxes = 3;
    private static readonly LeaseTerms Terms = new();

#pragma warning disable RS0030 // The seed is the argument.
    private readonly Random _dice;
#pragma warning restore RS0030
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly List<Box> _boxes = [];
    private readonly Dictionary<(long Epoch, int Part), int> _parts = [];
    private readonly int _steps;
    private readonly bool _clocksMayStop;
    private readonly long _faultsUntil;
    private RunRecord _record;
    private ulong _revision = 1;
    private long _order;

    /// <param name="clocksMayStop">A box may be suspended with its clock: then it believes in a lease that is long over, and only the fence is left.</param>
    public LeaseSimulation(int seed, int steps, long faultsUntilMs, bool clocksMayStop = false)
    {
        _clocksMayStop = clocksMayStop;
#pragma warning disable RS0030
        _dice = new Random(seed);
#pragma warning restore RS0030
        (_steps, _faultsUntil) = (steps, faultsUntilMs);
        _record = new RunRecord { Id = Run, Epoch = 1, Owner = "", Write = 1, Parts = [new TermParts(1, 0)], View = View(RunStateName.Running) };
        for (var i = 0; i < Boxes; i++)
        {
            _boxes.Add(new Box(this, $"box-{i}", _dice.Next(1_000_000), 0.9 + (0.2 * _dice.NextDouble())));
        }
    }

    public long Now { get; private set; }

    /// <summary>Steps of the log that the record counts, in order.</summary>
    public IReadOnlyList<int> Committed => [.. _record.Parts.SelectMany(term => Enumerable.Range(0, term.Count).Select(part => _parts[(term.Epoch, part)]))];

    /// <summary>Steps that a box was told are committed.</summary>
    public HashSet<int> Acknowledged { get; } = [];
    public bool HasEnded => _record.HasEnded;
    public long Owners => _record.Epoch;
    public int TwoAtWork { get; private set; }
    public int Fenced { get; private set; }

    public void RunTo(long limitMs)
    {
        foreach (var box in _boxes)
        {
            box.Begin();
        }

        Fault();
        while (_events.TryDequeue(out var next, out var when) && when.At <= limitMs && !(HasEnded && Now > _faultsUntil))
        {
            Now = when.At;
            next();
        }
    }

    public void After(long milliseconds, Action action) => _events.Enqueue(action, (Now + Math.Max(0, milliseconds), _order++));

    public static RunView View(RunStateName state) => new() { Id = Run, Workflow = "w", State = state };

    private void Fault()
    {
        if (Now > _faultsUntil)
        {
            return;
        }

        var box = _boxes[_dice.Next(Boxes)];
        if (_clocksMayStop && _dice.Next(3) == 0)
        {
            box.Suspend();
            After(_dice.Next(5_000, 60_000), box.Resume);
        }
        else if (_dice.Next(3) == 0)
        {
            box.Die();
            After(_dice.Next(200, 20_000), box.Begin);
        }
        else
        {
            box.IsCut = true;
            After(_dice.Next(200, 40_000), () => box.IsCut = false);
        }

        After(_dice.Next(500, 12_000), Fault);
    }

    /// <summary>A request on its way, and its answer; each may be lost, late, or held up by a cut link until it heals.</summary>
    private void Send<T>(Box box, Func<T> atStore, Action<T> answered)
    {
        var life = box.Life;
        Travel(box, () =>
        {
            var answer = atStore();
            Travel(box, () =>
            {
                if (box.Life == life)
                {
                    answered(answer);
                }
            });
        });
    }

    private void Travel(Box box, Action arrive)
    {
        var troubled = Now <= _faultsUntil;
        if (troubled && _dice.Next(20) == 0)
        {
            return; // lost
        }

        void Pass()
        {
            if (box.IsCut || box.IsSuspended)
            {
                // What TCP has under way comes after the cut, or never.
                if (_dice.Next(2) == 0)
                {
                    After(_dice.Next(100, 2_000), Pass);
                }

                return;
            }

            arrive();
        }

        After(troubled && _dice.Next(10) == 0 ? _dice.Next(1, 15_000) : _dice.Next(1, 40), Pass);
    }

    /// <summary>Everybody hears of every write, sooner or later, unless cut off.</summary>
    private void TellAll()
    {
        var (record, revision) = (_record, _revision);
        foreach (var box in _boxes)
        {
            var life = box.Life;
            Travel(box, () =>
            {
                if (box.Life == life)
                {
                    box.See(record, revision, false);
                }
            });
        }
    }

    private (ReplicaStatus Status, ulong Revision) Write(RunRecord record, ulong expected)
    {
        if (expected != _revision)
        {
            return (ReplicaStatus.Conflict, 0);
        }

        if (record.Epoch > _record.Epoch)
        {
            // The fence holds whatever the clocks do; that no two boxes work at once is the lease's part, whose bound the rates here keep.
            TwoAtWork += _boxes.Count(box => box.IsAtWork && box.Name != record.Owner);
        }

        (_record, _revision) = (record, _revision + 1);
        TellAll();
        return (ReplicaStatus.Done, _revision);
    }

    /// <summary>One box: the daemon's loops with their waits turned into events.</summary>
    private sealed class Box(LeaseSimulation world, string name, long offset, double rate)
    {
        private RunSight? _sight;
        private OwnerLease? _lease;
        private RunRecord? _own;
        private RunRecord? _next;
        private int? _step;
        private bool _stepIsDone;
        private bool _isClaiming;
        private bool _waits;
        private long _ask;
        private long _suspendedAt;
        private long _slept;

        public string Name => name;
        public int Life { get; private set; }
        public bool IsCut { get; set; }
        private bool IsUp { get; set; }
        private string Instance => $"{name}#{Life}";

        /// <summary>The box's own monotonic clock.</summary>
        private long Clock => offset + (long)(((IsSuspended ? _suspendedAt : world.Now) - _slept) * rate);

        public bool IsSuspended { get; private set; }

        /// <summary>A step may be under way: it has not stopped by its own rules.</summary>
        public bool IsAtWork => IsUp && _lease is { IsOver: false } lease && Clock < lease.StopAt && _step is not null;

        public void Begin()
        {
            if (IsUp)
            {
                return;
            }

            (IsUp, _sight, _lease, _own, _next, _step, _isClaiming, _waits) = (true, null, null, null, null, null, false, false);
            Read();
            Tick(Life);
        }

        public void Suspend()
        {
            if (!IsSuspended)
            {
                (IsSuspended, _suspendedAt) = (true, world.Now);
            }
        }

        public void Resume()
        {
            if (IsSuspended)
            {
                (IsSuspended, _slept) = (false, _slept + world.Now - _suspendedAt);
            }
        }

        public void Die()
        {
            Resume();
            IsUp = false;
            Life++;
        }

        public void See(RunRecord record, ulong revision, bool isFromBefore)
        {
            if (_sight is null || revision > _sight.Revision)
            {
                _sight = new RunSight(record, revision, Clock, isFromBefore);
            }
        }

        private void Read() => world.Send(this, () => (world._record, world._revision), found => See(found._record, found._revision, isFromBefore: true));

        private void Tick(int life)
        {
            if (life != Life)
            {
                return;
            }

            if (IsSuspended)
            {
                world.After(100, () => Tick(life));
                return;
            }

            if (_lease is null)
            {
                Claim();
            }
            else
            {
                Carry();
            }

            world.After(world._dice.Next(50, 250), () => Tick(life));
        }

        private void Claim()
        {
            if (_sight is null)
            {
                Read();
                return;
            }

            if (_isClaiming || ClaimRules.Until(_sight, name, Instance, Clock, Terms) != 0)
            {
                return;
            }

            _isClaiming = true;
            var (record, begun, expected) = (_sight.Record.TakenBy(name, Instance), Clock, _sight.Revision);
            var claim = ++_ask;
            world.Send(this, () => world.Write(record, expected), answer => Claimed(claim, answer.Status, record, answer.Revision, begun));
            var life = Life;
            world.After(3_000, () =>
            {
                // No answer: what became of it is read.
                if (life == Life && _isClaiming && claim == _ask)
                {
                    world.Send(this, () => (world._record, world._revision), found => Claimed(
                        claim,
                        found._record.Epoch == record.Epoch && found._record.Instance == Instance && found._record.Write == 1 ? ReplicaStatus.Done : ReplicaStatus.Conflict,
                        record,
                        found._revision,
                        begun));
                    world.After(3_000, () => _isClaiming = life == Life && claim == _ask ? false : _isClaiming);
                }
            });
        }

        private void Claimed(long claim, ReplicaStatus status, RunRecord record, ulong revision, long begun)
        {
            if (claim != _ask || _lease is not null)
            {
                return;
            }

            _isClaiming = false;
            if (status != ReplicaStatus.Done)
            {
                Read();
                return;
            }

            (_lease, _own) = (new OwnerLease(Terms, record.Epoch, revision, 1, begun), record);
            NextStep();
        }

        private void NextStep()
        {
            (_step, _stepIsDone) = (_own!.PartCount, false);
            var (life, lease) = (Life, _lease);
            world.After(world._dice.Next(10, 4_000), () => _stepIsDone = life == Life && ReferenceEquals(lease, _lease) ? true : _stepIsDone);
        }

        private void Carry()
        {
            switch (_lease!.Next(Clock, _stepIsDone))
            {
                case LeaseStep.Stop:
                    // Every step is cancelled; what waited to be committed is not.
                    (_lease, _own, _next, _step, _stepIsDone, _waits) = (null, null, null, null, false, false);
                    break;
                case LeaseStep.Write when !_waits:
                    Write();
                    break;
                case LeaseStep.Ask when !_waits:
                    Ask();
                    break;
            }
        }

        private void Write()
        {
            if (_next is null)
            {
                _next = _own!;
                if (_stepIsDone)
                {
                    world._parts.TryAdd((_own!.Epoch, _own.Parts[^1].Count), _step!.Value); // by this owner alone, and once
                    _next = _own.With(1, 1, View(_step!.Value + 1 == world._steps ? RunStateName.Succeeded : RunStateName.Running));
                }
            }

            var lease = _lease!;
            var (record, expected) = (_next with { Write = lease.Begin(Clock) }, lease.Revision);
            Await(lease, () => world.Write(record, expected), answer => Verdict(lease, lease.Answered(answer.Status, answer.Revision)), () => lease.Answered(ReplicaStatus.Unknown, 0));
        }

        private void Ask()
        {
            var lease = _lease!;
            Await(lease, () => (world._record, world._revision), found => Verdict(lease, lease.Found(found._record.Epoch, found._record.Write, found._revision)), () => WriteVerdict.Open);
        }

        private void Await<T>(OwnerLease lease, Func<T> atStore, Action<T> answered, Func<WriteVerdict> silent)
        {
            _waits = true;
            var ask = ++_ask;
            var life = Life;
            world.Send(this, atStore, answer =>
            {
                if (ask == _ask && ReferenceEquals(lease, _lease))
                {
                    _waits = false;
                    answered(answer);
                }
            });
            world.After(2_000, () =>
            {
                if (life == Life && ask == _ask && _waits)
                {
                    _waits = false;
                    _ask++;
                    _ = silent();
                }
            });
        }

        private void Verdict(OwnerLease lease, WriteVerdict verdict)
        {
            if (verdict == WriteVerdict.Lost)
            {
                world.Fenced++;
            }

            if (verdict != WriteVerdict.Committed)
            {
                return;
            }

            var added = _next!.PartCount > _own!.PartCount;
            (_own, _next) = (_next with { Write = lease.Write }, null);
            if (!added)
            {
                return;
            }

            world.Acknowledged.Add(_step!.Value);
            if (_own.HasEnded)
            {
                (_lease, _own, _step, _stepIsDone, _waits) = (null, null, null, false, false);
            }
            else
            {
                NextStep();
            }
        }
    }
}
