using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Jesus.Transport.Tests.Sockets;

/// <summary>Awaited: reads, and lets the peer send a byte only once the reader waits, so that the reader goes on where the socket's rule puts it and not where it stood.</summary>
internal readonly struct Round(SocketPair pair, ValueTask<ReadResult> reading) : INotifyCompletion
{
    public static Round Of(SocketPair pair) => new(pair, pair.Ours.Input.ReadAsync(TestContext.Current.CancellationToken));

    public bool IsCompleted => false;

    public Round GetAwaiter() => this;

    public void OnCompleted(Action continuation)
    {
        Assert.False(reading.IsCompleted);
        reading.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(continuation);
        pair.Peer.Send("?"u8);
    }

    public void GetResult() => pair.Ours.Input.AdvanceTo(reading.Result.Buffer.End);
}
