using System.Buffers;

namespace Jesus.Appliance.Telemetry;

/// <summary>
/// Carries finished lines to a stream from a thread of its own, so that a caller never waits for a full pipe. Two buffers swap; when the
/// filling one is full, lines are dropped and their number is told by the next line that fits.
/// </summary>
internal sealed class LogWriter : IDisposable
{
    /// <summary>Some 4,000 lines: a burst of a second at a rate that no operator reads.</summary>
    private const int MaxBytes = 1024 * 1024;

    private readonly Stream _stream;
    private readonly Lock _gate = new();
    private readonly AutoResetEvent _filled = new(false);
    private readonly Thread _thread;
    private ArrayBufferWriter<byte> _filling = new(4096);
    private ArrayBufferWriter<byte> _writing = new(4096);
    private long _dropped;
    private bool _stopping;

    public LogWriter(Stream stream)
    {
        _stream = stream;
        _thread = new Thread(Run, 128 * 1024) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    public long Dropped => Interlocked.Read(ref _dropped);

    public void Add(ReadOnlySpan<byte> line)
    {
        lock (_gate)
        {
            if (_filling.WrittenCount + line.Length > MaxBytes)
            {
                _dropped++;
                return;
            }

            _filling.Write(line);
        }

        _filled.Set();
    }

    /// <summary>Writes what is there, for at most two seconds: a stuck pipe must not keep a stopped process.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
        }

        _filled.Set();
        _ = _thread.Join(TimeSpan.FromSeconds(2));
    }

    private void Run()
    {
        var stopping = false;
        while (!stopping)
        {
            _ = _filled.WaitOne();
            lock (_gate)
            {
                (_filling, _writing) = (_writing, _filling);
                stopping = _stopping;
            }

            Drain();
        }
    }

    private void Drain()
    {
        try
        {
            _stream.Write(_writing.WrittenSpan);
            _stream.Flush();
        }
        catch (IOException)
        {
            // Nobody reads the log any more; the daemon goes on without it.
        }

        _writing.ResetWrittenCount();
    }
}
