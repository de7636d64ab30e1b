using System.Runtime.CompilerServices;

namespace Jesus.Transport.Sockets;

/// <summary>Awaited before work that waits or takes more than a moment: what follows runs on the thread pool, and so does all that goes on from there.</summary>
public readonly struct LoopExit : ICriticalNotifyCompletion
{
    public static LoopExit Leave() => default;

    /// <summary>This thread serves sockets.</summary>
    public static bool IsOnLoop => EventLoop.Current is not null;

    /// <summary>This thread is none of a loop's.</summary>
    public bool IsCompleted => !IsOnLoop;

    public LoopExit GetAwaiter() => this;

    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => ThreadPool.QueueUserWorkItem(static go => go(), continuation, preferLocal: false);

    public void UnsafeOnCompleted(Action continuation) => ThreadPool.UnsafeQueueUserWorkItem(static go => go(), continuation, preferLocal: false);
}
