using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Runner;

/// <summary>The events of one run in memory and those who follow them. The driver calls in under its lock; watching is thread-safe.</summary>
internal sealed class RunWatchers(RunMachine machine, IReadOnlyList<StoredRunEvent> history)
{
    /// <summary>Events that a follower may lag behind; one that lags further reads them again from the history.</summary>
    private const int LagMax = 1_024;

    private readonly Lock _gate = new();
    private readonly List<StoredRunEvent> _events = [.. history];
    private readonly List<Channel<RunEventView>> _followers = [];
    private bool _closed;

    /// <summary>Sequence of the last durable event.</summary>
    public long Sequence
    {
        get
        {
            lock (_gate)
            {
                return _events.Count == 0 ? 0 : _events[^1].Sequence;
            }
        }
    }

    /// <summary>Notes an event that was just applied.</summary>
    public void Durable(StoredRunEvent stored, RunStateName state)
    {
        lock (_gate)
        {
            _events.Add(stored);
            if (_followers.Count > 0)
            {
                Send(RunEventViews.Of(machine, stored, state));
            }
        }
    }

    /// <summary>Shows that a step has begun.</summary>
    public void Live(StepNode node, RunStateName state)
    {
        lock (_gate)
        {
            if (_followers.Count > 0)
            {
                Send(RunEventViews.Started(machine, node, _events.Count == 0 ? 0 : _events[^1].Sequence, state));
            }
        }
    }

    /// <summary>Ends every follower: the run left memory or the daemon stops.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _followers.ForEach(follower => follower.Writer.TryComplete());
            _followers.Clear();
        }
    }

    public IReadOnlyList<StoredRunEvent> Events
    {
        get
        {
            lock (_gate)
            {
                return [.. _events];
            }
        }
    }

    public async IAsyncEnumerable<RunEventView> WatchAsync(long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var (past, follower) = Join();
            foreach (var item in RunEventViews.Replay(machine, past, after))
            {
                after = item.Sequence;
                yield return item;
                if (item.Type == "run.finished" && item.Sequence == past[^1].Sequence)
                {
                    Leave(follower);
                    yield break;
                }
            }

            try
            {
                await foreach (var item in follower.Reader.ReadAllAsync(cancel))
                {
                    after = item.Sequence;
                    yield return item;
                    if (item.Type == "run.finished")
                    {
                        yield break;
                    }
                }
            }
            finally
            {
                Leave(follower);
            }

            if (_closed)
            {
                yield break;
            }
        }
    }

    private (IReadOnlyList<StoredRunEvent> Past, Channel<RunEventView> Follower) Join()
    {
        var follower = Channel.CreateBounded<RunEventView>(LagMax);
        lock (_gate)
        {
            if (_closed)
            {
                _ = follower.Writer.TryComplete();
            }
            else
            {
                _followers.Add(follower);
            }

            return ([.. _events], follower);
        }
    }

    private void Leave(Channel<RunEventView> follower)
    {
        lock (_gate)
        {
            _ = _followers.Remove(follower);
        }
    }

    private void Send(RunEventView item)
    {
        for (var i = _followers.Count - 1; i >= 0; i--)
        {
            if (!_followers[i].Writer.TryWrite(item))
            {
                _ = _followers[i].Writer.TryComplete();
                _followers.RemoveAt(i);
            }
        }
    }
}
