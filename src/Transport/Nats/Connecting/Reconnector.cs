using Jesus.Transport.Http;
using Jesus.Transport.Nats.Requests;
using Jesus.Transport.Nats.Sending;
using Jesus.Transport.Nats.Subscribing;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>What outlives a connection and is attached to each in turn.</summary>
internal sealed record SessionParts(Outbox Outbox, SubscriptionTable Subscriptions, RequestTable Requests, Pongs Pongs, Func<bool> Ping);

/// <summary>
/// Keeps one session up: connect, serve until it breaks, clean up, again. One loop, started once:
/// 1 the next server; 2 handshake; 3 subscriptions, then traffic; 4 until it breaks; 5 what was under way is told; 6 a pause once every server was tried in vain.
/// </summary>
internal sealed class Reconnector : ISessionOwner, IAsyncDisposable
{
    /// <summary>A lame duck closes after some 10 s; requests that are answered sooner need not be broken off.</summary>
    private static readonly TimeSpan LameDuckPatience = TimeSpan.FromSeconds(5);

    /// <summary>A server that takes us and breaks off at once is no better than one that does not take us: it earns a pause.</summary>
    private const int LivedLongMs = 2_000;

    private readonly NatsOptions _options;
    private readonly INetwork _network;
    private readonly TimeProvider _time;
    private readonly NatsEvents _events;
    private readonly SessionParts _parts;
    private readonly ServerPool _servers;
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _gate = new();
    private Dice _dice;
    private Task _loop = Task.CompletedTask;
    private NatsSession? _session;
    private NatsServerInfo? _info;
    private TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _lastFailure = "";
    private long _connects;
    private long _failures;
    private long _messagesIn;
    private long _bytesIn;
    private long _oversized;
    private bool _isStarted;
    private bool _isConnected;

    public Reconnector(NatsOptions options, INetwork network, TimeProvider time, Dice dice, NatsEvents events, SessionParts parts)
    {
        _options = options;
        _network = network;
        _time = time;
        _dice = dice;
        _events = events;
        _parts = parts;
        _servers = new ServerPool(options.Urls.Select(ParseUrl), options.ServersMax, ref _dice);
    }

    public bool IsClosed => _closing.IsCancellationRequested;
    public bool IsConnected => Volatile.Read(ref _isConnected);
    public NatsServerInfo? Info => Volatile.Read(ref _info);
    public long Connects => Volatile.Read(ref _connects);
    public long Failures => Volatile.Read(ref _failures);
    public long MessagesIn => Volatile.Read(ref _messagesIn) + (_session?.MessagesIn ?? 0);
    public long BytesIn => Volatile.Read(ref _bytesIn) + (_session?.BytesIn ?? 0);
    public long Oversized => Volatile.Read(ref _oversized) + (_session?.Oversized ?? 0);

    public void Start()
    {
        lock (_gate)
        {
            if (!_isStarted && !IsClosed)
            {
                _isStarted = true;
                _loop = Task.Run(RunAsync);
            }
        }
    }

    public async ValueTask<bool> WaitConnectedAsync(TimeSpan within, CancellationToken cancel)
    {
        Task connected;
        lock (_gate)
        {
            connected = _connected.Task;
        }

        try
        {
            await connected.WaitAsync(within, _time, cancel).ConfigureAwait(false);
            return IsConnected;
        }
        catch (TimeoutException)
        {
            return IsConnected;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task loop;
        bool first;
        lock (_gate)
        {
            first = !IsClosed;
            loop = _loop;
            if (first)
            {
                _closing.Cancel();
            }
        }

        Volatile.Read(ref _session)?.Break("closed by us");
        await loop.ConfigureAwait(false);
        if (first)
        {
            lock (_gate)
            {
                _connected.TrySetResult();
            }

            _closing.Dispose();
            _events.Raise(NatsEventKind.Closed, "", "");
        }
    }

    public void OnInfo(NatsServerInfo info)
    {
        Volatile.Write(ref _info, info);
        Learn(info);
        if (info.LameDuck && Volatile.Read(ref _session) is { } session)
        {
            _events.Raise(NatsEventKind.LameDuck, info.Address, "the server is about to stop");
            _ = LeaveAsync(session);
        }
    }

    public void OnServerError(string words) => _events.Raise(NatsEventKind.ServerError, Info?.Address ?? "", words.Trim('\''));

    public void OnPong() => _parts.Pongs.OnPong();

    public void SendPing() => _parts.Pongs.Ping(_parts.Ping);

    private static ServerAddress ParseUrl(string url)
    {
        var (server, error) = ServerAddress.Parse(url);
        return server ?? throw new ArgumentException(error, nameof(url));
    }

    private async Task RunAsync()
    {
        var round = 0;
        while (!IsClosed)
        {
            ServerAddress server;
            lock (_gate)
            {
                server = _servers.Next();
            }

            var (link, error) = await new NatsHandshake(server, _options, _network, _time, _closing.Token).ConnectAsync().ConfigureAwait(false);
            if (link is null)
            {
                Failed(server, error);
            }
            else if (await ServeAsync(link).ConfigureAwait(false) >= LivedLongMs)
            {
                round = 0;
                continue;
            }

            if (RoundIsOver())
            {
                await PauseAsync(round++).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Until it breaks.</summary>
    /// <returns>How long it lived, in milliseconds.</returns>
    private async Task<double> ServeAsync(NatsLink link)
    {
        var since = _time.GetTimestamp();
        using var session = new NatsSession(this, link, _options, _time, _parts.Outbox, _parts.Subscriptions, _parts.Requests);
        Volatile.Write(ref _info, link.Info);
        Volatile.Write(ref _session, session);
        Learn(link.Info);
        session.Start();
        _parts.Subscriptions.Attach(session.Stream, session.Break);
        Connected(link);
        if (IsClosed)
        {
            session.Break("closed by us");
        }

        await session.Done.ConfigureAwait(false);
        await EndAsync(session).ConfigureAwait(false);
        var lived = _time.GetElapsedTime(since).TotalMilliseconds;
        if (lived < LivedLongMs)
        {
            lock (_gate)
            {
                _servers.Failed();
            }
        }

        return lived;
    }

    private void Connected(NatsLink link)
    {
        lock (_gate)
        {
            _servers.NewRound();
            _lastFailure = "";
            _connects++;
            Volatile.Write(ref _isConnected, true);
            _connected.TrySetResult();
        }

        _events.Raise(NatsEventKind.Connected, link.Server.Address, link.Info.Version);
    }

    // In this order: nothing more goes out, then those who wait for an answer hear that none will come.
    private async Task EndAsync(NatsSession session)
    {
        lock (_gate)
        {
            Volatile.Write(ref _isConnected, false);
            _connected = IsClosed ? _connected : new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        session.Dispose();
        await _parts.Outbox.DetachAsync(_parts.Requests.Prefix).ConfigureAwait(false);
        Volatile.Write(ref _session, null);
        _messagesIn += session.MessagesIn;
        _bytesIn += session.BytesIn;
        _oversized += session.Oversized;
        _parts.Requests.Disconnect();
        _parts.Pongs.Disconnect();
        _events.Raise(NatsEventKind.Disconnected, session.Server.Address, session.BrokenBy);
    }

    private void Failed(ServerAddress server, string error)
    {
        Interlocked.Increment(ref _failures);
        var failure = $"{server.Address}: {error}";
        lock (_gate)
        {
            _servers.Failed();
            if (IsClosed || failure == _lastFailure)
            {
                return;
            }

            _lastFailure = failure;
        }

        _events.Raise(NatsEventKind.ConnectFailed, server.Address, error);
    }

    private bool RoundIsOver()
    {
        lock (_gate)
        {
            return _servers.RoundIsOver;
        }
    }

    private async Task PauseAsync(int round)
    {
        lock (_gate)
        {
            _servers.NewRound();
        }

        try
        {
            await Task.Delay(TimeSpan.FromMilliseconds(ReconnectDelay.NextMs(round, _options, ref _dice)), _time, _closing.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Closed: the loop sees it.
        }
    }

    private void Learn(NatsServerInfo info)
    {
        int added;
        int known;
        lock (_gate)
        {
            added = Volatile.Read(ref _session) is { } session ? _servers.Learn(session.Server, info.ConnectUrls) : 0;
            known = _servers.Count;
        }

        if (added > 0)
        {
            _events.Raise(NatsEventKind.ServersDiscovered, info.Address, "", known);
        }
    }

    // Another server is at hand: go there before this one throws us out, once the requests under way have their answers.
    private async Task LeaveAsync(NatsSession session)
    {
        bool elsewhere;
        lock (_gate)
        {
            elsewhere = _servers.Count > 1;
        }

        if (!elsewhere)
        {
            return;
        }

        var since = _time.GetTimestamp();
        while (_parts.Requests.Open > 0 && _time.GetElapsedTime(since) < LameDuckPatience && !session.Done.IsCompleted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), _time).ConfigureAwait(false);
        }

        await _parts.Pongs.PingAsync(_parts.Ping, CancellationToken.None).ConfigureAwait(false);
        session.Break("the server is about to stop");
    }
}
