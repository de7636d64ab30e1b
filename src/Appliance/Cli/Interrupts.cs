using System.Runtime.InteropServices;

namespace Jesus.Appliance.Cli;

/// <summary>Ctrl-C while something runs elsewhere: the first asks it to stop, the second leaves.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _leave = new();
    private readonly PosixSignalRegistration _signal;
    private int _count;

    /// <param name="first">What the first one asks for; null leaves at once.</param>
    public Interrupts(Func<Task>? first)
    {
        _signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            Press(first);
        });
    }

    public CancellationToken Token => _leave.Token;

    public void Dispose()
    {
        _signal.Dispose();
        _leave.Dispose();
    }

    private void Press(Func<Task>? first)
    {
        if (first is null || Interlocked.Increment(ref _count) > 1)
        {
            _leave.Cancel();
        }
        else
        {
            _ = Task.Run(first);
        }
    }
}
