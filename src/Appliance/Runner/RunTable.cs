using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Runner;

/// <summary>
/// The runs in memory: those at work, those that queue for a place, those that wait (they hold no place), and the latest finished ones. Thread-safe.
/// </summary>
internal sealed class RunTable(RunnerOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, RunDriver> _byId = [];
    private readonly Queue<RunDriver> _queue = new();
    private readonly LinkedList<RunDriver> _finished = new();
    private readonly HashSet<string> _taken = [];

    /// <summary>Places held, by run: so that a run that leaves gives back what it holds, whatever change of it is still being told.</summary>
    private readonly Dictionary<RunDriver, int> _places = [];
    private int _working;

    /// <summary>False when as many runs queue as may.</summary>
    public bool HasRoom
    {
        get
        {
            lock (_gate)
            {
                return _working < options.RunsAtOnce || _queue.Count < options.QueueMax;
            }
        }
    }

    public RunDriver? Find(string id)
    {
        lock (_gate)
        {
            return _byId.GetValueOrDefault(id);
        }
    }

    public IReadOnlyList<RunDriver> All()
    {
        lock (_gate)
        {
            return [.. _byId.Values];
        }
    }

    /// <summary>Adds a run that has not ended and lets it start when there is a place.</summary>
    /// <returns>False when it is there already.</returns>
    public bool TryAdd(RunDriver driver)
    {
        lock (_gate)
        {
            if (!_byId.TryAdd(driver.Id, driver))
            {
                return false;
            }

            _ = _taken.Remove(driver.Id);
            _queue.Enqueue(driver);
        }

        StartQueued();
        return true;
    }

    /// <summary>Its place in the queue from 1; 0 when it does not queue.</summary>
    public int PlaceOf(RunDriver driver)
    {
        lock (_gate)
        {
            var place = 0;
            foreach (var queued in _queue)
            {
                place++;
                if (ReferenceEquals(queued, driver))
                {
                    return place;
                }
            }

            return 0;
        }
    }

    /// <summary>Accounts for a change of state; starts those for whom a place came free.</summary>
    /// <returns>The runs that left memory.</returns>
    public IReadOnlyList<RunDriver> Moved(RunDriver driver, RunStateName from, RunStateName to)
    {
        List<RunDriver> left = [];
        lock (_gate)
        {
            if (_byId.GetValueOrDefault(driver.Id) != driver)
            {
                return left; // it left before its change was told
            }

            Hold(driver, (HoldsPlace(to) ? 1 : 0) - (HoldsPlace(from) || from == RunStateName.Queued ? 1 : 0));
            if (to is RunStateName.Succeeded or RunStateName.Failed or RunStateName.Cancelled)
            {
                _finished.AddLast(driver);
                for (; _finished.Count > options.FinishedKept; _finished.RemoveFirst())
                {
                    left.Add(_finished.First!.Value);
                    _ = _byId.Remove(_finished.First.Value.Id);
                    Hold(_finished.First.Value, -_places.GetValueOrDefault(_finished.First.Value));
                }
            }
        }

        StartQueued();
        return left;
    }

    /// <summary>Takes a finished run out, so that it can be begun again from the disk; one that left memory needs no taking.</summary>
    /// <returns>False when another took it.</returns>
    public bool TryTake(RunDriver driver)
    {
        lock (_gate)
        {
            if (!_byId.TryGetValue(driver.Id, out var kept))
            {
                return _taken.Add(driver.Id);
            }

            _ = _finished.Remove(driver);
            return ReferenceEquals(kept, driver) && _byId.Remove(driver.Id) && _taken.Add(driver.Id);
        }
    }

    /// <summary>Takes a run out, whatever its state; its place goes to the next.</summary>
    public void Remove(RunDriver driver)
    {
        lock (_gate)
        {
            if (_byId.GetValueOrDefault(driver.Id) != driver)
            {
                return;
            }

            _ = _byId.Remove(driver.Id);
            _ = _finished.Remove(driver);
            Hold(driver, -_places.GetValueOrDefault(driver));
        }

        StartQueued();
    }

    private void Hold(RunDriver driver, int change)
    {
        _working += change;
        var held = _places.GetValueOrDefault(driver) + change;
        if (held == 0)
        {
            _ = _places.Remove(driver);
        }
        else
        {
            _places[driver] = held;
        }
    }

    private static bool HoldsPlace(RunStateName state) => state == RunStateName.Running;

    private void StartQueued()
    {
        while (true)
        {
            RunDriver next;
            lock (_gate)
            {
                if (_working >= options.RunsAtOnce || !_queue.TryDequeue(out next!))
                {
                    return;
                }

                if (_byId.GetValueOrDefault(next.Id) != next)
                {
                    continue; // it left while it queued
                }

                Hold(next, 1); // its place from here on; Moved gives it back
            }

            next.Start();
        }
    }
}
