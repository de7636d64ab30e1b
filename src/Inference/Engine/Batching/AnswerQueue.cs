using System.Threading.Tasks.Sources;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// From the engine's loop (which never waits) to one reader (which awaits). The loop adds events and publishes them once a step; the reader takes a
/// page at a time. Reused by <see cref="Reset"/>; nothing is allocated per event.
/// </summary>
internal sealed class AnswerQueue : IValueTaskSource<bool>
{
    private readonly Lock _gate = new();
    private AnswerPage _filling = new();
    private AnswerPage _reading = new();
    private ManualResetValueTaskSourceCore<bool> _signal = new() { RunContinuationsAsynchronously = true };
    private bool _isWaiting;
    private bool _isPublished;
    private bool _isComplete;

    /// <summary>The reader is behind: the answer should pause.</summary>
    public bool IsFull
    {
        get
        {
            lock (_gate)
            {
                return _filling.ByteCount > BatchLimits.UnreadBytesMax || _filling.EventCount > BatchLimits.UnreadEventsMax;
            }
        }
    }

    /// <summary>Something was added, or published, that the reader has not taken.</summary>
    public bool HasNews
    {
        get
        {
            lock (_gate)
            {
                return _filling.EventCount > 0;
            }
        }
    }

    /// <summary>Complete, and every event taken.</summary>
    public bool IsDrained
    {
        get
        {
            lock (_gate)
            {
                return _isComplete && !_isPublished;
            }
        }
    }

    public void Reset()
    {
        lock (_gate)
        {
            _filling.Clear();
            _reading.Clear();
            _signal.Reset();
            (_isWaiting, _isPublished, _isComplete) = (false, false, false);
        }
    }

    /// <inheritdoc cref="AnswerPage.Start"/>
    public void Start(int promptTokens, int cachedTokens)
    {
        lock (_gate)
        {
            _filling.Start(promptTokens, cachedTokens);
        }
    }

    public void Add(EventKind kind, int choice, int index, ReadOnlySpan<byte> utf8, ReadOnlySpan<byte> callId, in TokenRun tokens, FinishReason reason)
    {
        lock (_gate)
        {
            _filling.Add(kind, choice, index, utf8, callId, tokens, reason);
        }
    }

    /// <summary>Shows the reader what was added; with <paramref name="complete"/> nothing more follows.</summary>
    public void Publish(bool complete)
    {
        bool wake;
        lock (_gate)
        {
            _isComplete |= complete;
            _isPublished |= _filling.EventCount > 0;
            wake = _isWaiting && (_isPublished || _isComplete);
            _isWaiting &= !wake;
        }

        if (wake)
        {
            _signal.SetResult(true);
        }
    }

    /// <summary>Completes when there is a page to take, or with false when the answer is complete and taken.</summary>
    public ValueTask<bool> WaitAsync()
    {
        lock (_gate)
        {
            if (_isPublished)
            {
                return new ValueTask<bool>(true);
            }

            if (_isComplete)
            {
                return new ValueTask<bool>(false);
            }

            _signal.Reset();
            _isWaiting = true;
            return new ValueTask<bool>(this, _signal.Version);
        }
    }

    /// <summary>The page published, valid until the next call. May be empty.</summary>
    public AnswerPage Take()
    {
        lock (_gate)
        {
            (_filling, _reading) = (_reading, _filling);
            _filling.Clear();
            _isPublished = false;
            return _reading;
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _signal.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _signal.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);
}
