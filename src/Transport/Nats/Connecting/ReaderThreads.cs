namespace Jesus.Transport.Nats.Connecting;

/// <summary>
/// The threads of one session's reader. One reads, and goes into its callers' code between two receives; another follows: it looks each tick whether the first is still in the
/// same turn of that code, and if so takes the reading over. So code that blocks or computes holds up the connection for two ticks at most, and code that does not costs no
/// change of threads. The one that was held follows in its turn when it comes back. Ticks are the box's own time, whatever time the client was given: it is a thread that is
/// stuck, not a protocol; and there are none without traffic.
/// </summary>
/// <param name="read">Reads until the session is over or a turn was lost.</param>
/// <param name="takeOver">A turn was lost: done by the thread that reads next, before it does.</param>
internal sealed class ReaderThreads(Action read, Action takeOver)
{
    /// <summary>One that reads and three that callers hold; with none left to follow, the reader goes into nobody's code.</summary>
    private const int ThreadsMax = 4;

    /// <summary>Far longer than code that only hands a message on, far shorter than anybody's time limit.</summary>
    private const int TickMs = 4;

    private readonly object _gate = new();
    private long _inside;
    private long _turn;
    private int _threads;
    private int _following;
    private bool _isArmed;
    private bool _isOver;

    /// <summary>Somebody follows, so that the reader may go into its callers' code.</summary>
    public bool MayBeHeld => Volatile.Read(ref _following) > 0;

    public void Start()
    {
        lock (_gate)
        {
            _threads = 2;
        }

        StartThread(Read);
        StartThread(Follow);
    }

    /// <summary>The reader goes into its callers' code.</summary>
    /// <returns>Its turn, to be given to <see cref="TryLeave"/>.</returns>
    public long Enter()
    {
        var turn = ++_turn;
        Volatile.Write(ref _inside, turn);
        if (!Volatile.Read(ref _isArmed))
        {
            lock (_gate)
            {
                _isArmed = true;
                Monitor.PulseAll(_gate);
            }
        }

        return turn;
    }

    /// <summary>It came back. False: too late, another reads.</summary>
    public bool TryLeave(long turn) => Interlocked.CompareExchange(ref _inside, 0, turn) == turn;

    /// <summary>Nobody reads any more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Read()
    {
        read();
        Follow();
    }

    private void Follow()
    {
        while (WaitForTurn())
        {
            takeOver();
            KeepFollowed();
            read();
        }
    }

    /// <summary>True: the reading is this thread's now. False: it is over.</summary>
    private bool WaitForTurn()
    {
        lock (_gate)
        {
            _following++;
            long seen = 0;
            while (!_isOver)
            {
                Monitor.Wait(_gate, _isArmed ? TickMs : Timeout.Infinite);
                var (inside, turn) = (Volatile.Read(ref _inside), Volatile.Read(ref _turn));
                if (inside != 0 && inside == seen && TryLeave(inside))
                {
                    break;
                }

                // No turn since the last tick: there is no traffic. The next one arms again, unless it has just begun.
                if (inside == 0 && turn == seen)
                {
                    Volatile.Write(ref _isArmed, false);
                    Interlocked.MemoryBarrier();
                    _isArmed = Volatile.Read(ref _inside) != 0;
                }

                seen = turn;
            }

            _following--;
            return !_isOver;
        }
    }

    private void KeepFollowed()
    {
        lock (_gate)
        {
            if (_following > 0 || _threads == ThreadsMax)
            {
                return;
            }

            _threads++;
        }

        StartThread(Follow);
    }

    private static void StartThread(Action run) => new Thread(() => run()) { IsBackground = true, Name = "nats-reader" }.Start();
}
