using System.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// The events of a response in the background, in memory, for clients that follow it or come back to it: an event's place is its sequence number. One
/// writer, any number of readers.
/// </summary>
internal sealed class ResponseLog : IEventTarget
{
    /// <summary>Events of one response. 16 MiB: some 60,000 pieces of text; a client that follows a longer one is told that it cannot be followed further.</summary>
    private const int BytesMax = 16 * 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _current = new();
    private readonly List<byte[]> _events = [];
    private readonly Lock _gate = new();
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _ended;

    /// <summary>Bytes of all events.</summary>
    public long Bytes { get; private set; }

    /// <summary>More came than <see cref="BytesMax"/>: the log ends early.</summary>
    public bool Overflowed { get; private set; }

    public IBufferWriter<byte> Begin()
    {
        _current.ResetWrittenCount();
        return _current;
    }

    public void End()
    {
        lock (_gate)
        {
            if (Bytes + _current.WrittenCount > BytesMax)
            {
                Overflowed = true;
                return;
            }

            Bytes += _current.WrittenCount;
            _events.Add(_current.WrittenSpan.ToArray());
        }
    }

    public ValueTask FlushAsync()
    {
        Wake(false);
        return ValueTask.CompletedTask;
    }

    /// <summary>Nothing more will come.</summary>
    public void Finish() => Wake(true);

    /// <returns>The event of that number; null when it has not come (yet).</returns>
    public byte[]? At(long number)
    {
        lock (_gate)
        {
            return number < _events.Count ? _events[(int)number] : null;
        }
    }

    /// <summary>Waits for the event of that number.</summary>
    /// <returns>False when it will never come.</returns>
    /// <exception cref="TimeoutException">It did not come within <paramref name="patience"/>.</exception>
    public async ValueTask<bool> WaitAsync(long number, TimeSpan patience, CancellationToken cancel)
    {
        Task more;
        lock (_gate)
        {
            if (number < _events.Count)
            {
                return true;
            }

            if (_ended || Overflowed)
            {
                return false;
            }

            more = _more.Task;
        }

        await more.WaitAsync(patience, cancel);
        return true;
    }

    private void Wake(bool ended)
    {
        TaskCompletionSource woken;
        lock (_gate)
        {
            _ended |= ended;
            woken = _more;
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        woken.SetResult();
    }
}
