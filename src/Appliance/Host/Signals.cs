using System.Runtime.InteropServices;

namespace Jesus.Appliance.Host;

/// <summary>SIGTERM and SIGINT ask to stop (the second time at once), SIGHUP to reload.</summary>
public sealed class Signals : IDisposable
{
    private readonly TaskCompletionSource _stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _now = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Signals(Action reload)
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                _ = Task.Run(reload);
            }),
        ];
    }

    /// <summary>Completes at the first signal to stop.</summary>
    public Task StopAsked => _stop.Task;

    /// <summary>Cancelled at the second.</summary>
    public CancellationToken StopNow => _now.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _now.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!_stop.TrySetResult())
        {
            _now.Cancel();
        }
    }
}
