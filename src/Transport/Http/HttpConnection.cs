using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Jesus.Transport.Pooling;
using Jesus.Transport.Timing;

namespace Jesus.Transport.Http;

/// <summary>
/// One connection and the exchange under way on it; reused for the next when the body was read to its end. Cancelling or a timeout closes the socket, which
/// makes the read or write under way fail: so no operation needs a token of its own, and nothing is allocated for one.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private const int InterimMax = 8;
    private const int CopiedBodyMax = 64 * 1024;

    private readonly INetworkConnection _network;
    private readonly HttpUpstream _owner;
    private readonly HttpUpstreamOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly ResponseHead _head;
    private BodyFraming _framing;
    private CancellationTokenRegistration _cancel;
    private SequencePosition _consumed;
    private long _dueMs;

    // The timer goes on running from one exchange to the next: setting it anew for each would cost more than the rare idle call.
    private long _firesAtMs = long.MaxValue;
    private int _fault;
    private bool _holdsBuffer;
    private bool _keepAlive;

    public HttpConnection(HttpUpstream owner, INetworkConnection network, HttpUpstreamOptions options, TimeProvider time)
    {
        _owner = owner;
        _network = network;
        _options = options;
        _time = time;
        _head = new ResponseHead(options.HeadersMax);
        _timer = time.CreateTimer(static self => ((HttpConnection)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Response = new HttpResponse(this);
    }

    public HttpResponse Response { get; }
    public ResponseHead Head => _head;

    /// <summary>It has answered at least once before: a failure may only mean that the peer had closed it.</summary>
    public bool WasUsed { get; private set; }

    /// <summary>When it was last returned.</summary>
    public long IdleSinceMs { get; set; }
    public bool IsNear => _network.IsNear;
    public bool LooksAlive => WasUsed ? _network.LooksAlive : _network.LooksFresh;

    /// <summary>Bytes of the response have arrived.</summary>
    public bool SawResponse { get; private set; }

    /// <summary>Sends the request and reads the response's head.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<HttpError> ExchangeAsync(HttpRequest request, CancellationToken cancel)
    {
        SawResponse = false;
        _cancel = cancel.UnsafeRegister(static self => ((HttpConnection)self!).Fail(HttpFault.Cancelled), this);
        Arm(_options.HeadTimeoutMs);
        try
        {
            await SendAsync(request).ConfigureAwait(false);
            var interims = 0;
            bool isRead;
            HttpError error;
            do
            {
                // Cancelling closes the socket, which ends the read.
                var read = await _network.Input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
                isRead = TryReadHead(read, ref interims, out error);
            }
            while (!isRead);

            Arm(_options.BodyIdleTimeoutMs);
            return error;
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            // RFC 8446, section 4.4.2.4: in TLS 1.3 the client's end of the handshake comes first, so that a server refuses its certificate, or that there is none,
            // only now; it has then taken nothing of the request.
            if (!WasUsed && !SawResponse && TlsAlert.In(broken) is { IsAboutClient: true } alert)
            {
                return _owner.TlsFailed(alert.Words);
            }

            return Broken(SawResponse ? HttpFault.Cut : HttpFault.NoResponse, broken.Message);
        }
    }

    /// <summary>The next piece of the body; empty at its end or on a failure, which <see cref="HttpResponse.Error"/> then names.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> ReadBodyAsync(HttpResponse response)
    {
        try
        {
            return await NextPieceAsync(response).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBroken(broken))
        {
            response.Error = Broken(HttpFault.Cut, broken.Message);
            return default;
        }
    }

    /// <summary>The exchange is over. The connection is kept if it can be.</summary>
    public void End(bool bodyRead)
    {
        _cancel.Dispose();
        Volatile.Write(ref _dueMs, 0);
        if (bodyRead && _keepAlive && Volatile.Read(ref _fault) == 0 && NothingIsLeft())
        {
            WasUsed = true;
            _owner.Keep(this);
            return;
        }

        _owner.Drop(this);
    }

    public void Dispose()
    {
        _network.Abort();
        _timer.Dispose();
        _head.Dispose();
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask SendAsync(HttpRequest request)
    {
        var output = _network.Output;
        WriteHead(output, request);
        if (request.Body.Length <= CopiedBodyMax)
        {
            output.Write(request.Body.Span);
            await FlushAsync(output).ConfigureAwait(false);
            return;
        }

        await FlushAsync(output).ConfigureAwait(false);
        await SendLongAsync(output, request.Body).ConfigureAwait(false);
    }

    private static async ValueTask SendLongAsync(PipeWriter output, ReadOnlyMemory<byte> body)
    {
        for (var at = 0; at < body.Length; at += CopiedBodyMax)
        {
            output.Write(body.Span.Slice(at, Math.Min(CopiedBodyMax, body.Length - at)));
            await FlushAsync(output).ConfigureAwait(false);
        }
    }

    // A server may answer (413, say) and close before it has read the whole request: its answer is then still worth reading.
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private static async ValueTask FlushAsync(PipeWriter output)
    {
        try
        {
            await output.FlushAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
        }
    }

    // RFC 9112, section 3: request-line, fields, empty line.
    private void WriteHead(PipeWriter output, in HttpRequest request)
    {
        output.Write(request.Method.Span);
        output.Write(" "u8);
        output.Write(request.Path.Span);
        output.Write(" HTTP/1.1\r\nhost: "u8);
        output.Write(_owner.HostUtf8);
        output.Write("\r\n"u8);
        output.Write(request.FixedHeaders.Span);
        output.Write(request.Headers.Span);
        if (!request.Body.IsEmpty)
        {
            Span<byte> digits = stackalloc byte[20];
            Utf8Formatter.TryFormat(request.Body.Length, digits, out var length);
            output.Write("content-length: "u8);
            output.Write(digits[..length]);
            output.Write("\r\n"u8);
        }

        output.Write("\r\n"u8);
    }

    /// <summary>Takes what was read; interim responses are passed over.</summary>
    /// <returns>False while more must be read.</returns>
    private bool TryReadHead(in ReadResult read, ref int interims, out HttpError error)
    {
        SawResponse |= !read.Buffer.IsEmpty;
        var rest = read.Buffer;
        while (TryFindHead(rest, out var end))
        {
            var wrong = _head.Parse(rest.Slice(0, end));
            var isFinal = wrong is null && _head.Status >= 200;
            if (wrong is not null || isFinal || ++interims > InterimMax)
            {
                _network.Input.AdvanceTo(end);
                error = isFinal ? Frame() : Malformed(wrong ?? $"it sent more than {InterimMax} interim responses");
                return true;
            }

            rest = rest.Slice(end);
        }

        var length = rest.Length;  // the pipe may give the memory away next
        _network.Input.AdvanceTo(rest.Start, rest.End);
        error = length > _options.HeadBytesMax ? Malformed($"its head is longer than {_options.HeadBytesMax} bytes")
            : read.IsCompleted ? Broken(SawResponse ? HttpFault.Cut : HttpFault.NoResponse, "the connection was closed")
            : default;
        return !error.IsNone;
    }

    private bool TryFindHead(in ReadOnlySequence<byte> buffer, out SequencePosition end)
    {
        var reader = new SequenceReader<byte>(buffer);
        while (reader.TryReadTo(out ReadOnlySequence<byte> line, (byte)'\n') && reader.Consumed <= _options.HeadBytesMax)
        {
            if (line.IsEmpty || (line.Length == 1 && line.FirstSpan[0] == '\r'))
            {
                end = reader.Position;
                return reader.Consumed > 2;
            }
        }

        end = default;
        return false;
    }

    // RFC 9112, section 6.3: chunked wins over a length, and such a connection is not used again.
    private HttpError Frame()
    {
        var length = _head.ContentLength();
        var coded = _head.TryGet("transfer-encoding"u8, out _);
        if (length == -2 || (coded && !_head.Has("transfer-encoding"u8, "chunked"u8)))
        {
            return Malformed("its length is contradictory or coded in a way that is not understood");
        }

        var empty = _head.Status is 204 or 304;
        var kind = empty ? BodyKind.Length : coded ? BodyKind.Chunked : length >= 0 ? BodyKind.Length : BodyKind.Close;
        _framing = BodyFraming.Of(kind, empty ? 0 : length);
        _keepAlive = kind != BodyKind.Close && !(coded && length >= 0) && !_head.Has("connection"u8, "close"u8)
            && (!_head.IsHttp10 || _head.Has("connection"u8, "keep-alive"u8));
        return default;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<ReadOnlyMemory<byte>> NextPieceAsync(HttpResponse response)
    {
        Release();
        while (!_framing.IsDone)
        {
            Touch();
            var read = await _network.Input.ReadAsync().ConfigureAwait(false);
            var memory = read.Buffer.First;
            if (read.Buffer.IsEmpty && read.IsCompleted)
            {
                return EndOfInput(response, read.Buffer);
            }

            var piece = _framing.Next(memory.Span);
            if (_framing.Error is { } wrong)
            {
                _network.Input.AdvanceTo(read.Buffer.End);
                response.Error = Malformed(wrong);
                return default;
            }

            var end = read.Buffer.GetPosition(piece.Used);
            if (piece.DataLength > 0)
            {
                _consumed = end;
                _holdsBuffer = true;
                return memory.Slice(piece.Used - piece.DataLength, piece.DataLength);
            }

            _network.Input.AdvanceTo(end);
        }

        response.IsComplete = true;
        return default;
    }

    private ReadOnlyMemory<byte> EndOfInput(HttpResponse response, in ReadOnlySequence<byte> buffer)
    {
        _network.Input.AdvanceTo(buffer.End);
        response.IsComplete = _framing.EndsWithConnection && Volatile.Read(ref _fault) == 0;
        response.Error = response.IsComplete ? default : Broken(HttpFault.Cut, "the connection was closed inside the body");
        return default;
    }

    /// <summary>The reader is done with the piece that it was given.</summary>
    private void Release()
    {
        if (_holdsBuffer)
        {
            _holdsBuffer = false;
            _network.Input.AdvanceTo(_consumed);
        }
    }

    /// <summary>Bytes after the end of a response would be taken for the next one's: such a peer gets a new connection.</summary>
    private bool NothingIsLeft()
    {
        Release();
        if (!_network.Input.TryRead(out var left))
        {
            return true;
        }

        _network.Input.AdvanceTo(left.Buffer.Start);
        return left.Buffer.IsEmpty && !left.IsCompleted;
    }

    private void Arm(int milliseconds)
    {
        var due = _time.NowMs() + milliseconds;
        Volatile.Write(ref _dueMs, due);

        // Between the two: a callback that is under way sees the one, or has already said the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _firesAtMs) > due)
        {
            SetTimer(due, milliseconds);
        }
    }

    private void SetTimer(long dueMs, long milliseconds)
    {
        Volatile.Write(ref _firesAtMs, dueMs);
        _timer.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }

    // Only the due time moves with each read: the timer looks at it when it fires.
    private void Touch() => Volatile.Write(ref _dueMs, _time.NowMs() + _options.BodyIdleTimeoutMs);

    private void OnTimer()
    {
        Volatile.Write(ref _firesAtMs, long.MaxValue);
        Interlocked.MemoryBarrier();
        var due = Volatile.Read(ref _dueMs);
        if (due == 0)
        {
            return;
        }

        var left = due - _time.NowMs();
        if (left > 0)
        {
            SetTimer(due, left);
            return;
        }

        Fail(HttpFault.TimedOut);
    }

    private void Fail(HttpFault fault)
    {
        Interlocked.CompareExchange(ref _fault, (int)fault, 0);
        _network.Abort();
    }

    private HttpError Malformed(string wrong) => new(HttpFault.Malformed, $"{_owner.Target} sent a response that is not understood: {wrong}.");

    private HttpError Broken(HttpFault fault, string reason) => (HttpFault)Volatile.Read(ref _fault) switch
    {
        HttpFault.Cancelled => new HttpError(HttpFault.Cancelled, "The request was cancelled."),
        HttpFault.TimedOut => new HttpError(HttpFault.TimedOut, $"{_owner.Target} was silent for too long."),
        _ => new HttpError(fault, fault == HttpFault.NoResponse ? $"{_owner.Target} did not answer: {reason}." : $"{_owner.Target} broke off: {reason}."),
    };

    /// <summary>What a socket that was closed under an operation throws.</summary>
    private static bool IsBroken(Exception exception) =>
        exception is IOException or ObjectDisposedException or System.Net.Sockets.SocketException or InvalidOperationException or OperationCanceledException;
}
