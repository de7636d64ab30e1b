using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Transport.Pooling;
using Jesus.Transport.Timing;

namespace Jesus.Transport.Http;

/// <summary>What came of a request: a response, or why there is none.</summary>
public readonly record struct HttpResult(HttpError Error, HttpResponse? Response);

/// <summary>
/// An upstream server and the connections to it, kept open between requests. HTTP/1.1 without pipelining: one exchange a connection at a time.
/// Thread-safe. In steady state a request allocates nothing.
/// </summary>
public sealed class HttpUpstream : IDisposable
{
    /// <summary>Idle connections looked through for a near one: with a few loops one is among so many, and the look stays short.</summary>
    private const int NearWithin = 16;

    private readonly Lock _gate = new();
    private readonly List<HttpConnection> _idle = [];
    private readonly INetwork _network;
    private readonly HttpUpstreamOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _sweep;
    private readonly byte[] _host;
    private int _open;
    private bool _disposed;

    public HttpUpstream(NetworkTarget target, INetwork network, TimeProvider time, HttpUpstreamOptions? options = null)
    {
        Target = target;
        _network = network;
        _time = time;
        _options = options ?? new HttpUpstreamOptions();
        _host = Encoding.ASCII.GetBytes(HostHeader(target));
        var period = TimeSpan.FromMilliseconds(Math.Max(1_000, _options.KeepAliveMs / 2));
        _sweep = time.CreateTimer(static self => ((HttpUpstream)self!).Sweep(), this, _options.WarmConnections > 0 ? TimeSpan.Zero : period, period);
    }

    public NetworkTarget Target { get; }

    /// <summary>Connections open now, in use or kept.</summary>
    public int OpenConnections => Volatile.Read(ref _open);

    /// <summary>Connections kept for the next call.</summary>
    public int IdleConnections
    {
        get
        {
            lock (_gate)
            {
                return _idle.Count;
            }
        }
    }

    internal ReadOnlySpan<byte> HostUtf8 => _host;

    /// <summary>Sends a request and waits for the head of its response. Dispose the response.</summary>
    /// <param name="cancel">Until the response is disposed: cancelling closes the connection.</param>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<HttpResult> SendAsync(HttpRequest request, CancellationToken cancel)
    {
        var connection = TakeIdle();
        if (connection is not null)
        {
            var stale = Open(connection, await connection.ExchangeAsync(request, cancel).ConfigureAwait(false));
            if (stale.Error.Fault != HttpFault.NoResponse || !request.SafeToResend)
            {
                return stale;
            }
        }

        var (error, fresh) = await ConnectAsync(cancel).ConfigureAwait(false);
        return fresh is null ? new HttpResult(error, null) : Open(fresh, await fresh.ExchangeAsync(request, cancel).ConfigureAwait(false));
    }

    public void Dispose()
    {
        _sweep.Dispose();
        List<HttpConnection> closed;
        lock (_gate)
        {
            _disposed = true;
            closed = [.. _idle];
            _idle.Clear();
        }

        closed.ForEach(Drop);
    }

    internal void Keep(HttpConnection connection)
    {
        connection.IdleSinceMs = _time.NowMs();
        lock (_gate)
        {
            if (!_disposed)
            {
                _idle.Add(connection);
                return;
            }
        }

        Drop(connection);
    }

    internal void Drop(HttpConnection connection)
    {
        Interlocked.Decrement(ref _open);
        connection.Dispose();
    }

    /// <summary>The head has come, or it will not.</summary>
    private static HttpResult Open(HttpConnection connection, in HttpError error)
    {
        if (error.IsNone)
        {
            connection.Response.Begin();
            return new HttpResult(default, connection.Response);
        }

        connection.End(bodyRead: false);
        return new HttpResult(error, null);
    }

    private async ValueTask<(HttpError Error, HttpConnection? Connection)> ConnectAsync(CancellationToken cancel)
    {
        if (Interlocked.Increment(ref _open) > _options.ConnectionsMax)
        {
            Interlocked.Decrement(ref _open);
            return (new HttpError(HttpFault.Busy, $"All {_options.ConnectionsMax} connections to {Target} are in use."), null);
        }

        using var timeout = new CancellationTokenSource(TimeSpan.FromMilliseconds(_options.ConnectTimeoutMs), _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        try
        {
            var network = await _network.ConnectAsync(Target, both.Token).ConfigureAwait(false);
            return (default, new HttpConnection(this, network, _options, _time));
        }
        catch (Exception failed) when (failed is IOException or OperationCanceledException)
        {
            Interlocked.Decrement(ref _open);
            return (ConnectError(failed, cancel), null);
        }
    }

    private HttpError ConnectError(Exception failed, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
        {
            return new HttpError(HttpFault.Cancelled, "The request was cancelled.");
        }

        if (failed is TlsFailedException)
        {
            return TlsFailed(failed.Message);
        }

        var reason = failed is OperationCanceledException ? $"no connection within {_options.ConnectTimeoutMs} ms" : failed.Message;
        return new HttpError(HttpFault.ConnectFailed, $"{Target} cannot be reached: {reason}.");
    }

    internal HttpError TlsFailed(string reason) => new(HttpFault.TlsFailed, $"{Target} cannot be reached over TLS: {reason}.");

    /// <summary>
    /// The connection used last, so that the others grow old and are closed; among those used lately one that the calling thread serves itself comes first, since its
    /// answer then wakes no other.
    /// </summary>
    private HttpConnection? TakeIdle()
    {
        while (true)
        {
            HttpConnection connection;
            lock (_gate)
            {
                if (_idle.Count == 0)
                {
                    return null;
                }

                var last = _idle.Count - 1;
                var near = _idle.FindLastIndex(last, Math.Min(_idle.Count, NearWithin), static idle => idle.IsNear);
                var at = near < 0 ? last : near;
                connection = _idle[at];
                _idle.RemoveAt(at);
            }

            if (_time.NowMs() - connection.IdleSinceMs < _options.KeepAliveMs && connection.LooksAlive)
            {
                return connection;
            }

            Drop(connection);
        }
    }

    private void Sweep()
    {
        CloseExpired();
        for (var missing = _options.WarmConnections - OpenConnections; missing > 0; missing--)
        {
            _ = WarmAsync();
        }
    }

    /// <summary>One connection ahead of calls; a server that is away is tried again by the next sweep.</summary>
    private async Task WarmAsync()
    {
        var (_, connection) = await ConnectAsync(CancellationToken.None).ConfigureAwait(false);
        if (connection is not null)
        {
            Keep(connection);
        }
    }

    private void CloseExpired()
    {
        List<HttpConnection>? closed = null;
        lock (_gate)
        {
            var fresh = _idle.FindIndex(c => _time.NowMs() - c.IdleSinceMs < _options.KeepAliveMs);
            var expired = fresh < 0 ? _idle.Count : fresh;
            if (expired > 0)
            {
                closed = _idle.GetRange(0, expired);
                _idle.RemoveRange(0, expired);
            }
        }

        closed?.ForEach(Drop);
    }

    // RFC 9112, section 3.2: the port is left out when it is the scheme's own; an IPv6 address stands in brackets.
    private static string HostHeader(NetworkTarget target)
    {
        var host = target.Host.Contains(':', StringComparison.Ordinal) ? $"[{target.Host}]" : target.Host;
        return target.Port == (target.Tls ? 443 : 80) ? host : $"{host}:{target.Port}";
    }
}
