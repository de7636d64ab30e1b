using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Jesus.Appliance.Gateway;
using Jesus.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Jesus.Appliance.Host;

/// <summary>A client's connection as Kestrel knows it.</summary>
internal sealed class LoopConnection : ConnectionContext, IConnectionIdFeature, IConnectionItemsFeature, IConnectionTransportFeature, IConnectionLifetimeFeature,
    IConnectionEndPointFeature, IConnectionSocketFeature, ILoopPlace
{
    /// <summary>Holds a request of the usual size; one such buffer waits for each connection's next request (4 MB at most), so that it comes in one call.</summary>
    private const int BufferBytes = 4 * 1024;

    /// <summary>For a client that does not take the end of its answer.</summary>
    private static readonly TimeSpan LongestFinish = TimeSpan.FromSeconds(30);

    private static long _count;

    private readonly CancellationTokenSource _closed = new();
    private readonly LoopSocket _loop;

    public LoopConnection(Socket socket)
    {
        Socket = socket;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Features = new FeatureCollection(initialCapacity: 16);
        Features.Set<IConnectionIdFeature>(this);
        Features.Set<IConnectionItemsFeature>(this);
        Features.Set<IConnectionTransportFeature>(this);
        Features.Set<IConnectionLifetimeFeature>(this);
        Features.Set<IConnectionEndPointFeature>(this);
        Features.Set<IConnectionSocketFeature>(this);
        Features.Set<ILoopPlace>(this);
        _loop = new LoopSocket(socket, new LoopSocketOptions(BufferBytes) { ResetIsEnd = true, ResumesOnLoop = true }, _closed.Cancel);
        Transport = _loop;
    }

    public override string ConnectionId { get; set; } = "c" + Interlocked.Increment(ref _count).ToString("x", CultureInfo.InvariantCulture);
    public override IFeatureCollection Features { get; }
    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();
    public override IDuplexPipe Transport { get; set; }
    public override EndPoint? LocalEndPoint { get; set; }
    public override EndPoint? RemoteEndPoint { get; set; }
    public override CancellationToken ConnectionClosed { get; set; }
    public Socket Socket { get; }

    public bool AvoidsLoop
    {
        get => _loop.AvoidsLoop;
        set => _loop.AvoidsLoop = value;
    }

    public override void Abort(ConnectionAbortedException abortReason) => Abort();

    public override void Abort()
    {
        _loop.Close();
        ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
    }

    public override async ValueTask DisposeAsync()
    {
        await _loop.FinishAsync(LongestFinish);
        await base.DisposeAsync();
    }
}
