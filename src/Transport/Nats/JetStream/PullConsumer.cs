using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Jesus.Transport.Buffers;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>
/// Reads a consumer by pulling, always asked ahead. It goes on through lost connections, restarts of the server and elections: a pull that is not heard of for two
/// heartbeats is asked anew. It ends only when the consumer is gone, when the request itself is refused, or when it is disposed. One reader at a time.
/// </summary>
/// <remarks>
/// All pulls of one spell share an inbox subject, <c>INBOX.SPELL</c>. The server spreads messages over the pulls that wait, so they are counted together: what was
/// asked for, less what came, less what a finished pull says it did not bring. After a silence a new spell begins, and words about older pulls no longer count.
/// </remarks>
public sealed class PullConsumer : IAsyncDisposable
{
    /// <summary>Pauses after a refusal grow from 250 ms to this.</summary>
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    /// <summary>How soon a new connection is noticed: its server knows nothing of the pulls that were sent on the old one.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly JetStreamContext _context;
    private readonly PullOptions _options;
    private readonly NatsSubject _next;
    private readonly NatsSubscription _inbox;
    private readonly string _inboxName;
    private readonly PooledBuffer _request = new(256);
    private readonly Utf8JsonWriter _json;
    private readonly bool _endsOnSilence;
    private CancellationTokenSource _alarm = new();
    private NatsSubject _reply;
    private JetStreamError _ended;
    private long _spell;
    private long _asked;
    private long _heardAt;
    private long _pausedUntil;
    private TimeSpan _pause;
    private long _connects;
    private bool _pullBroughtSome;
    private bool _mustLookUp;

    /// <param name="endsOnSilence">Whoever reads makes another consumer rather than wait for this one: it may lie on a server that is gone for good.</param>
    internal PullConsumer(JetStreamContext context, string stream, string consumer, PullOptions options, bool endsOnSilence = false)
    {
        _endsOnSilence = endsOnSilence;
        _context = context;
        _options = options;
        Stream = stream;
        Name = consumer;
        _json = new Utf8JsonWriter(_request);
        _next = context.Api.SubjectOf($"CONSUMER.MSG.NEXT.{stream}.{consumer}");
        _inboxName = context.Connection.NewInbox().ToString();
        _inbox = context.Connection.Subscribe(NatsSubject.Parse(_inboxName + ".*"), options: InboxOptions(options));
        _reply = ReplyOf(0);
        _heardAt = context.Time.GetTimestamp();
        _connects = context.Connection.Statistics.Connects;

        // The server does not answer a pull from a consumer that does not exist.
        _mustLookUp = !endsOnSilence;
    }

    public string Stream { get; }
    public string Name { get; }

    /// <summary>Pulls that were given up because nothing was heard of them.</summary>
    public long Silences { get; private set; }

    /// <summary>The next message, waited for as long as it takes; dispose it. An error ends the reader for good, but for <see cref="JetStreamFault.Cancelled"/>.</summary>
    public async ValueTask<JetStreamResult<JetStreamMessage>> ReadAsync(CancellationToken cancel = default)
    {
        while (_ended.IsNone)
        {
            while (_inbox.TryRead(out var message))
            {
                if (Take(message, out var delivered))
                {
                    await RefillAsync(cancel).ConfigureAwait(false);
                    return delivered;
                }
            }

            if (cancel.IsCancellationRequested)
            {
                return JetStreamErrors.Cancelled;
            }

            if (_mustLookUp && _context.Time.GetTimestamp() >= _pausedUntil)
            {
                await LookUpAsync(cancel).ConfigureAwait(false);
            }

            if (_ended.IsNone)
            {
                await RefillAsync(cancel).ConfigureAwait(false);
                await WaitAsync(cancel).ConfigureAwait(false);
            }
        }

        return _ended;
    }

    /// <summary>
    /// Hands each message to a handler, which answers it (ack, nak, term). A handler that throws costs its message a nak and nothing else: the loop goes on.
    /// </summary>
    /// <param name="retryAfter">The wait before a message whose handler threw is delivered again.</param>
    /// <param name="onFault">Told what a handler threw; must not throw.</param>
    /// <returns>Why it ended: cancelled, or what <see cref="ReadAsync"/> says.</returns>
    public async ValueTask<JetStreamError> RunAsync(
        Func<JetStreamMessage, CancellationToken, ValueTask> handler, TimeSpan retryAfter, Action<Exception> onFault, CancellationToken cancel)
    {
        while (true)
        {
            var read = await ReadAsync(cancel).ConfigureAwait(false);
            if (!read.IsOk)
            {
                return read.Error;
            }

            using var message = read.Value;
            try
            {
                await handler(message, cancel).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever a handler throws is the message's misfortune, not the loop's.
            catch (Exception e)
#pragma warning restore CA1031
            {
                onFault(e);
                _ = await message.NakAsync(retryAfter, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ended = _ended.IsNone ? new JetStreamError(JetStreamFault.Cancelled, "the reader was disposed") : _ended;
        await _inbox.DisposeAsync().ConfigureAwait(false);
        await _json.DisposeAsync().ConfigureAwait(false);
        _request.Dispose();
        _alarm.Dispose();
    }

    /// <returns>True for a message of the stream; a status is dealt with.</returns>
    private bool Take(in NatsMessage message, out JetStreamMessage delivered)
    {
        _heardAt = _context.Time.GetTimestamp();
        if (JetStreamMetadata.TryParse(message.ReplyTo.Span, out var metadata))
        {
            delivered = new JetStreamMessage(_context.Connection, message, metadata);
            _asked = Math.Max(0, _asked - 1);
            _pause = default;
            _pullBroughtSome = true;
            return true;
        }

        delivered = default;
        if (IsOfThisSpell(message.Subject.Span))
        {
            Follow(message);
        }

        message.Dispose();
        return false;
    }

    private void Follow(in NatsMessage message)
    {
        var headers = message.Headers;
        switch (PullStatus.StepOf(headers.Status, headers.Description.Span))
        {
            case PullStep.Alive:
                break;
            case PullStep.PullOver:
                EndPull(headers);
                break;
            case PullStep.BytesFull when !_pullBroughtSome && Number(headers, "Nats-Pending-Bytes"u8) == _options.MaxBytes:
                _ended = new JetStreamError(JetStreamFault.TooLarge,
                    $"the next message for consumer '{Name}' of stream '{Stream}' is larger than the {_options.MaxBytes} bytes that a pull asks for: ask for more");
                break;
            case PullStep.BytesFull:
                EndPull(headers);
                break;
            case PullStep.LookUp when _endsOnSilence:
                _ended = Silent();
                break;
            case PullStep.LookUp:
                Pause();
                _mustLookUp = true;
                break;
            case PullStep.Deleted:
                _ended = Gone();
                break;
            case PullStep.Wrong:
                _ended = new JetStreamError(JetStreamFault.Refused,
                    $"the server refuses pulls from consumer '{Name}' of stream '{Stream}': {Encoding.UTF8.GetString(headers.Description.Span)}");
                break;
            default:
                Pause();
                break;
        }
    }

    /// <summary>A pull that ended early gives back what it did not bring; an older server does not say how much, and asking too much does no harm.</summary>
    private void EndPull(in NatsHeadersView headers) => _asked = Number(headers, "Nats-Pending-Messages"u8) is > 0 and var left ? Math.Max(0, _asked - left) : 0;

    private void Pause()
    {
        _asked = 0;
        _pause = _pause == default ? _context.Options.RetryEvery : TimeSpan.FromTicks(Math.Min(PauseMax.Ticks, 2 * _pause.Ticks));
        _pausedUntil = _context.Time.GetTimestamp() + (long)(_pause.TotalSeconds * _context.Time.TimestampFrequency);
    }

    /// <summary>At the beginning, on a new connection, after a silence: does the consumer exist?</summary>
    private async ValueTask LookUpAsync(CancellationToken cancel)
    {
        _mustLookUp = false;
        var info = await _context.Api.AskAsync($"CONSUMER.INFO.{Stream}.{Name}", default, TimeSpan.Zero, cancel).ConfigureAwait(false);
        if (info.Error.Fault == JetStreamFault.NotFound)
        {
            _ended = Gone();
        }
        else if (!info.IsOk && info.Error.Fault != JetStreamFault.Cancelled)
        {
            _mustLookUp = true;
            Pause();
        }
    }

    private async ValueTask RefillAsync(CancellationToken cancel)
    {
        var due = _options.MaxBytes > 0 ? _asked == 0 : _asked <= _options.Batch / 2;
        if (!due || _mustLookUp || _context.Time.GetTimestamp() < _pausedUntil || _context.Connection.State != NatsState.Connected)
        {
            return;
        }

        var batch = _options.Batch - _asked;
        _json.Reset();
        _request.Reset();
        _json.WriteStartObject();
        _options.Write(_json, batch);
        _json.WriteEndObject();
        await _json.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        if (_asked == 0)
        {
            _heardAt = _context.Time.GetTimestamp();
        }

        _pullBroughtSome = false;
        var sent = await _context.Connection.PublishAsync(_next, _request.Memory, null, _reply, cancel).ConfigureAwait(false);
        if (sent == NatsResult.Ok)
        {
            _asked += batch;
        }
        else
        {
            Pause();
        }
    }

    /// <summary>Until something comes, the silence is too long, or a pause is over.</summary>
    private async ValueTask WaitAsync(CancellationToken cancel)
    {
        var now = _context.Time.GetTimestamp();
        var wait = _asked > 0 ? (2 * _options.Heartbeat) - _context.Time.GetElapsedTime(_heardAt, now)
            : _pausedUntil > now ? _context.Time.GetElapsedTime(now, _pausedUntil)
            : _context.Options.RetryEvery;
        if (wait > TimeSpan.Zero && await HearAsync(wait < LookEvery ? wait : LookEvery, cancel).ConfigureAwait(false))
        {
            return;
        }

        if (_connects != _context.Connection.Statistics.Connects)
        {
            _connects = _context.Connection.Statistics.Connects;
            BeginSpell();
        }
        else if (_asked > 0 && !cancel.IsCancellationRequested && _context.Time.GetElapsedTime(_heardAt) >= 2 * _options.Heartbeat)
        {
            Silences++;
            BeginSpell();
            _ended = _endsOnSilence ? Silent() : _ended;
        }
    }

    /// <returns>True when there is something to read, or never will be again.</returns>
    private async ValueTask<bool> HearAsync(TimeSpan wait, CancellationToken cancel)
    {
        if (!_alarm.TryReset())
        {
            _alarm.Dispose();
            _alarm = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _context.Time);
        }

        _alarm.CancelAfter(wait);
        var stop = cancel.UnsafeRegister(static alarm => ((CancellationTokenSource)alarm!).Cancel(), _alarm);
        try
        {
            var open = await _inbox.WaitToReadAsync(_alarm.Token).ConfigureAwait(false);
            if (!open && !_alarm.IsCancellationRequested)
            {
                _ended = new JetStreamError(JetStreamFault.Disconnected, "the connection was closed");
            }

            return open;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            await stop.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Nothing was heard for two heartbeats, or the connection is another: whatever waits at the server is written off, and a new pull goes out. Whoever ends on silence
    /// does not look the consumer up before: a cluster says nothing at all of one that lay on a server which is gone, so that the question would be asked for ever, while
    /// a pull that is not heard of ends it.
    /// </summary>
    private void BeginSpell()
    {
        _asked = 0;
        _spell++;
        _reply = ReplyOf(_spell);
        _mustLookUp = !_endsOnSilence;
    }

    private JetStreamError Gone() => new(JetStreamFault.NotFound, $"consumer '{Name}' of stream '{Stream}' does not exist any more");

    private JetStreamError Silent() => new(JetStreamFault.Unavailable, $"nothing is heard of consumer '{Name}' of stream '{Stream}'");

    private NatsSubject ReplyOf(long spell) => NatsSubject.Parse(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_inboxName}.{spell}"));

    private bool IsOfThisSpell(ReadOnlySpan<byte> subject) =>
        Utf8Parser.TryParse(subject[(subject.LastIndexOf((byte)'.') + 1)..], out long spell, out _) && spell == _spell;

    private static long Number(in NatsHeadersView headers, ReadOnlySpan<byte> name) =>
        headers.TryGet(name, out var value) && Utf8Parser.TryParse(value.Span, out long number, out _) ? number : -1;

    /// <summary>Twice what is asked for, so that repeats and statuses find room: what is dropped here comes again after the consumer's ack wait.</summary>
    private static NatsSubscriptionOptions InboxOptions(PullOptions options) => new() { PendingMessagesMax = (2 * options.Batch) + 64 };
}
