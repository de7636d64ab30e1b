using System.Text;
using Jesus.Transport.Http;
using Jesus.Transport.Nats.Memory;
using Jesus.Transport.Nats.Protocol;
using Jesus.Transport.Nats.Requests;
using Jesus.Transport.Nats.Sending;
using Jesus.Transport.Nats.Subscribing;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>What a session hands up; on its reader's thread, so none may take long.</summary>
internal interface ISessionOwner
{
    void OnInfo(NatsServerInfo info);

    void OnServerError(string words);

    void OnPong();

    /// <summary>Time to ask whether the server lives.</summary>
    void SendPing();
}

/// <summary>
/// One connection that stands, until it breaks: its reader and its pings. The reader is a thread that receives; between two receives the code runs whom the last one
/// woke (see <see cref="WakeBatch"/>). It never waits for a subscriber, and not long for that code.
/// </summary>
internal sealed class NatsSession : IDisposable
{
    private readonly ISessionOwner _owner;
    private readonly INetworkConnection _network;
    private readonly NatsOptions _options;
    private readonly Outbox _outbox;
    private readonly SubscriptionTable _subscriptions;
    private readonly RequestTable _requests;
    private readonly ReceiveBuffer _buffer;
    private readonly ITimer _pings;
    private readonly ReaderThreads _threads;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LongMessage _long;
    private WakeBatch _wakes = new();
    private NatsSubscription? _touched;
    private string? _brokenBy;
    private int _isBroken;
    private int _quietIntervals;
    private int _heard;
    private long _messagesIn;
    private long _bytesIn;
    private long _oversized;

    public NatsSession(
        ISessionOwner owner,
        NatsLink link,
        NatsOptions options,
        TimeProvider time,
        Outbox outbox,
        SubscriptionTable subscriptions,
        RequestTable requests)
    {
        _owner = owner;
        _network = link.Network;
        Stream = link.Stream;
        Info = link.Info;
        Server = link.Server;
        _buffer = link.Buffer;
        _options = options;
        _outbox = outbox;
        _subscriptions = subscriptions;
        _requests = requests;
        _threads = new ReaderThreads(Read, TakeOver);
        outbox.Held = _wakes;
        var interval = TimeSpan.FromMilliseconds(options.PingIntervalMs);
        _pings = time.CreateTimer(static self => ((NatsSession)self!).OnInterval(), this, interval, interval);
    }

    public Stream Stream { get; }
    public ServerAddress Server { get; }
    public NatsServerInfo Info { get; }

    /// <summary>Ends when the connection broke and its reader has stopped.</summary>
    public Task Done => _done.Task;

    /// <summary>Why.</summary>
    public string BrokenBy => _brokenBy ?? "";

    public long MessagesIn => Volatile.Read(ref _messagesIn);
    public long BytesIn => Volatile.Read(ref _bytesIn);
    public long Oversized => Volatile.Read(ref _oversized);

    /// <summary>Begins to read; what came with the handshake's last answer first.</summary>
    public void Start() => _threads.Start();

    public void Break(string reason)
    {
        if (Interlocked.Exchange(ref _isBroken, 1) == 0)
        {
            _brokenBy = reason;
            _network.Abort();
        }
    }

    public void Break(Exception error) => Break(TlsTrust.ReasonOf(error));

    public void Dispose()
    {
        Break("closed by us");
        _pings.Dispose();
        Stream.Dispose();
    }

    // Any byte shows life. Our PINGs see to it that a healthy server has something to say in each interval.
    private void OnInterval()
    {
        _quietIntervals = Interlocked.Exchange(ref _heard, 0) != 0 ? 0 : _quietIntervals + 1;
        if (_quietIntervals > _options.PingsUnansweredMax)
        {
            Break($"nothing was heard for {_quietIntervals} intervals of {_options.PingIntervalMs} ms");
            return;
        }

        _outbox.Trim();
        _owner.SendPing();
    }

    /// <summary>On a thread of the reader's, until the session is over or the thread was away for too long.</summary>
    private void Read()
    {
        // What came with the handshake's last answer, or what those before this thread have left.
        if (!TryGoThrough())
        {
            Stop();
            return;
        }

        while (RunWakes())
        {
            if (!TryReceive())
            {
                Stop();
                return;
            }
        }
    }

    /// <summary>Lets those run whom the last receive woke.</summary>
    /// <returns>False: this thread came back too late, and another reads.</returns>
    private bool RunWakes()
    {
        var wakes = _wakes;
        if (wakes.IsEmpty)
        {
            return true;
        }

        if (!_threads.MayBeHeld)
        {
            wakes.RunElsewhere();
            wakes.Clear();
            return true;
        }

        var turn = _threads.Enter();
        wakes.RunHere();
        _outbox.Release();
        if (!_threads.TryLeave(turn))
        {
            return false;
        }

        wakes.Clear();
        return true;
    }

    /// <summary>The reader's thread has been away for too long: its batch's rest goes to the pool; the calling thread will read.</summary>
    private void TakeOver()
    {
        var wakes = _wakes;
        _wakes = new WakeBatch();
        _outbox.Held = _wakes;
        wakes.RunElsewhere();
        _outbox.Release();
    }

    /// <summary>Receives and goes through it; false when the connection is of no more use.</summary>
    private bool TryReceive()
    {
        try
        {
            var count = Stream.Read(Room().Span);
            if (count == 0)
            {
                Break("the server closed the connection");
                return false;
            }

            _bytesIn += count;
            _heard = 1;
            if (_long.IsUnderWay)
            {
                return TakeLong(count) && (_long.IsUnderWay || GoThrough());
            }

            _buffer.Received(count);
            return GoThrough();
        }
        catch (Exception broken)
        {
            Break(broken);
            return false;
        }
    }

    private bool TryGoThrough()
    {
        try
        {
            return GoThrough();
        }
        catch (Exception broken)
        {
            Break(broken);
            return false;
        }
    }

    private Memory<byte> Room() => _long.IsUnderWay ? _long.Room(_buffer) : _buffer.Room();

    private void Stop()
    {
        _wakes.RunElsewhere();
        _pings.Dispose();
        _threads.End();
        _done.TrySetResult();
    }

    /// <summary>Every whole frame of the buffer.</summary>
    private bool GoThrough()
    {
        var unread = _buffer.Unread;
        var at = 0;
        var verb = NatsVerb.None;
        while (at < unread.Length)
        {
            verb = NatsParser.Read(unread[at..], out var frame);
            if (verb == NatsVerb.Msg)
            {
                var rest = unread[at..];
                if (rest.Length < frame.Length)
                {
                    break;
                }

                if (rest[frame.Length - 2] != '\r' || rest[frame.Length - 1] != '\n')
                {
                    verb = NatsVerb.Malformed;
                    break;
                }

                Dispatch(rest[..frame.Length], frame);
                at += frame.Length;
            }
            else if (verb is NatsVerb.None or NatsVerb.Malformed)
            {
                break;
            }
            else
            {
                OnControl(verb, unread.Slice(at, frame.LineLength), frame);
                at += frame.LineLength;
            }
        }

        _buffer.Consumed(at);
        if (verb == NatsVerb.Msg && at < unread.Length)
        {
            BeginLong();
        }

        WakeTouched();
        if (verb == NatsVerb.Malformed)
        {
            Break($"the server sent what is not the protocol: '{Printable(unread[at..])}'");
        }

        return verb != NatsVerb.Malformed;
    }

    private void Dispatch(ReadOnlySpan<byte> block, in NatsFrame frame)
    {
        _messagesIn++;
        if (IsOversized(block, frame))
        {
            return;
        }

        if (frame.Sid == SubscriptionTable.RequestsSid)
        {
            _requests.Complete(block, frame, _wakes);
        }
        else if (_subscriptions.Find(frame.Sid) is { } subscription && subscription.Deliver(block, frame))
        {
            Touch(subscription);
        }
    }

    private void Touch(NatsSubscription subscription)
    {
        if (!subscription.IsTouched)
        {
            subscription.IsTouched = true;
            subscription.NextTouched = _touched;
            _touched = subscription;
        }
    }

    private void WakeTouched()
    {
        while (_touched is { } subscription)
        {
            _touched = subscription.NextTouched;
            subscription.NextTouched = null;
            subscription.IsTouched = false;
            subscription.Wake(_wakes);
        }
    }

    /// <summary>A message that does not fit the buffer comes piece by piece into a chunk of its own, or nowhere if nobody wants it.</summary>
    private void BeginLong()
    {
        var unread = _buffer.Unread;
        NatsParser.Read(unread, out var frame);
        if (frame.Length <= _buffer.Capacity / 2)
        {
            return;
        }

        _messagesIn++;
        var subscription = frame.Sid == SubscriptionTable.RequestsSid ? null : _subscriptions.Find(frame.Sid);
        var wanted = subscription is null ? frame.Sid == SubscriptionTable.RequestsSid : subscription.HasRoom(frame);
        wanted &= !IsOversized(unread, frame);
        _long.Begin(frame, subscription, wanted ? NatsChunk.RentSingle(frame.Length) : null, unread);
        _buffer.Consumed(unread.Length);
    }

    private bool IsOversized(ReadOnlySpan<byte> block, in NatsFrame frame)
    {
        if (frame.BodyLength <= _options.InboundBytesMax)
        {
            return false;
        }

        _oversized++;
        var subject = Printable(block.Slice(frame.SubjectAt, frame.SubjectLength));
        _owner.OnServerError($"a message of {frame.BodyLength} bytes on '{subject}' was skipped: at most {_options.InboundBytesMax}");
        return true;
    }

    private bool TakeLong(int count)
    {
        if (!_long.Received(count))
        {
            return true;
        }

        if (!_long.EndsRight)
        {
            Break("a message did not end with a line break");
            return false;
        }

        var (chunk, subscription, frame) = _long.End();
        if (chunk is null)
        {
            return true;
        }

        if (subscription is not null)
        {
            subscription.DeliverSingle(chunk, frame);
            Touch(subscription);
        }
        else if (!_requests.CompleteSingle(chunk, frame, _wakes))
        {
            chunk.Release();
        }

        return true;
    }

    private void OnControl(NatsVerb verb, ReadOnlySpan<byte> line, in NatsFrame frame)
    {
        switch (verb)
        {
            case NatsVerb.Ping:
                _outbox.Control("PONG\r\n"u8);
                break;
            case NatsVerb.Pong:
                _owner.OnPong();
                break;
            case NatsVerb.Info when InfoReader.Read(line[frame.TextAt..], Server.Address) is { } info:
                _owner.OnInfo(info);
                break;
            case NatsVerb.Err:
                _owner.OnServerError(Printable(line[frame.TextAt..]));
                break;
            default:
                break;
        }
    }

    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        const int Shown = 160;
        var text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, Shown)]).TrimEnd();
        return string.Create(text.Length, text, static (into, from) =>
        {
            for (var i = 0; i < into.Length; i++)
            {
                into[i] = char.IsControl(from[i]) ? '?' : from[i];
            }
        });
    }
}
