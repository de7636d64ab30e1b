using System.Security.Cryptography;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>Where an ordered consumer begins and what it reads.</summary>
public sealed record OrderedOptions
{
    /// <summary>Empty for every subject of the stream.</summary>
    public string FilterSubject { get; init; } = "";
    public DeliverPolicy Deliver { get; init; }

    /// <summary>For <see cref="DeliverPolicy.ByStartSequence"/>.</summary>
    public ulong StartSequence { get; init; }
    public bool HeadersOnly { get; init; }

    /// <summary>Says once, with an empty message, that all that was stored has been read.</summary>
    public bool TellsEnd { get; init; }
    public PullOptions Pull { get; init; } = new() { Batch = 256 };

    internal JetStreamError Check()
    {
        var error = FilterSubject.Length > 0 ? JetStreamNames.CheckSubject(FilterSubject) : default;
        return error.IsNone ? Pull.Check() : error;
    }
}

/// <summary>
/// Reads a stream in its order, each message exactly once: an ephemeral consumer without acknowledgements whose deliveries are counted. Where one is missing, the server
/// restarts or the consumer is gone, another consumer is made that begins behind the last message read. A stream that was deleted and made anew under the same name is
/// another stream: its numbers say nothing of what was read, and the reader ends. One reader at a time.
/// </summary>
public sealed class OrderedConsumer : IAsyncDisposable
{
    /// <summary>A consumer that nobody reads goes after this: longer than a reader may be cut off without losing its place cheaply.</summary>
    private static readonly TimeSpan InactiveAfter = TimeSpan.FromMinutes(1);

    /// <summary>A cluster that has just elected its leader may not know a stream yet: so many answers in a row make it gone.</summary>
    private const int MissesUntilGone = 8;

    private readonly JetStreamContext _context;
    private readonly OrderedOptions _options;
    private PullConsumer? _pull;
    private JetStreamError _ended;
    private DateTimeOffset? _created;
    private ulong _next;
    private ulong _expected;
    private int _misses;
    private bool _atEnd;
    private bool _toldEnd;

    internal OrderedConsumer(JetStreamContext context, string stream, OrderedOptions options)
    {
        _context = context;
        _options = options;
        Stream = stream;
    }

    public string Stream { get; }

    /// <summary>How often another consumer had to be made.</summary>
    public long Recreated { get; private set; }

    /// <summary>Sequence of the last message read.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>
    /// The next message; dispose it. An error ends the reader for good, but for <see cref="JetStreamFault.Cancelled"/>: the stream is gone or the request is wrong.
    /// </summary>
    public async ValueTask<JetStreamResult<JetStreamMessage>> ReadAsync(CancellationToken cancel = default)
    {
        while (_ended.IsNone)
        {
            if (_pull is null && !await CreateAsync(cancel).ConfigureAwait(false))
            {
                if (cancel.IsCancellationRequested)
                {
                    return JetStreamErrors.Cancelled;
                }

                continue;
            }

            if (_options.TellsEnd && _atEnd && !_toldEnd)
            {
                _toldEnd = true;
                return default(JetStreamMessage);
            }

            var read = await _pull!.ReadAsync(cancel).ConfigureAwait(false);
            if (read.IsOk && InOrder(read.Value.Metadata))
            {
                return read;
            }

            if (read.Error.Fault is JetStreamFault.Cancelled)
            {
                return read.Error;
            }

            read.Value.Dispose();
            await DropAsync(read.Error).ConfigureAwait(false);
        }

        return _ended;
    }

    public async ValueTask DisposeAsync()
    {
        _ended = _ended.IsNone ? new JetStreamError(JetStreamFault.Cancelled, "the reader was disposed") : _ended;
        if (_pull is { } pull)
        {
            _pull = null;
            await pull.DisposeAsync().ConfigureAwait(false);
            if (_context.Connection.State == NatsState.Connected)
            {
                // A courtesy: it would go by itself.
                _ = await _context.Connection.PublishAsync(_context.Api.SubjectOf($"CONSUMER.DELETE.{Stream}.{pull.Name}"), default).ConfigureAwait(false);
            }
        }
    }

    private bool InOrder(in JetStreamMetadata metadata)
    {
        if (metadata.ConsumerSequence != _expected)
        {
            return false;
        }

        _expected++;
        LastSequence = metadata.StreamSequence;
        _next = LastSequence + 1;
        _atEnd |= metadata.Pending == 0;
        return true;
    }

    private async ValueTask DropAsync(JetStreamError error)
    {
        await _pull!.DisposeAsync().ConfigureAwait(false);
        _pull = null;
        Recreated++;
        if (error.Fault is not (JetStreamFault.None or JetStreamFault.NotFound or JetStreamFault.Unavailable))
        {
            _ended = error;
        }
    }

    /// <returns>False when there is none yet; <see cref="_ended"/> says whether there ever will be.</returns>
    private async ValueTask<bool> CreateAsync(CancellationToken cancel)
    {
        var start = await StartAsync(cancel).ConfigureAwait(false);
        if (!start.IsOk)
        {
            return _ended.IsNone && await GiveUpOrWaitAsync(start.Error, cancel).ConfigureAwait(false);
        }

        var config = new ConsumerConfig
        {
            Name = "jesus-" + RandomNumberGenerator.GetHexString(20, lowercase: true),
            IsDurable = false,
            Deliver = start.Value > 0 ? DeliverPolicy.ByStartSequence : _options.Deliver,
            StartSequence = start.Value > 0 ? start.Value : _options.StartSequence,
            Ack = AckPolicy.None,
            MaxDeliver = 1,
            FilterSubject = _options.FilterSubject,
            InactiveAfter = InactiveAfter,
            HeadersOnly = _options.HeadersOnly,
            Replicas = 1,
            InMemory = true,
        };

        // Once: a cluster may have put it on a server that has just died, and keeps to that; the next try has another name and another place.
        var made = await _context.CreateConsumerAsync(Stream, config, TimeSpan.Zero, cancel).ConfigureAwait(false);
        if (!made.IsOk)
        {
            return await GiveUpOrWaitAsync(made.Error, cancel).ConfigureAwait(false);
        }

        _misses = 0;
        _expected = 1;
        _atEnd |= made.Value.Pending == 0;
        _pull = new PullConsumer(_context, Stream, config.Name, _options.Pull, endsOnSilence: true);
        return true;
    }

    /// <summary>
    /// Where to go on; 0 where the policy says. A stream that has lost its end (its server died before it wrote it) is shorter than what was read: then at its new
    /// end, so that what takes the lost messages' place is read.
    /// </summary>
    private async ValueTask<JetStreamResult<ulong>> StartAsync(CancellationToken cancel)
    {
        var info = await _context.StreamInfoAsync(Stream, cancel).ConfigureAwait(false);
        if (!info.IsOk)
        {
            return info.Error;
        }

        if ((_created ??= info.Value.Created) != info.Value.Created)
        {
            return _ended = new JetStreamError(JetStreamFault.NotFound, $"the stream {Stream} that was read is gone; there is another of its name since {info.Value.Created:O}");
        }

        if (_next == 0 && _options.Deliver != DeliverPolicy.New)
        {
            return 0UL;
        }

        // What is new is fixed at the first try: a consumer made later must not skip what came since.
        var end = info.Value.LastSequence + 1;
        _next = _next == 0 ? end : Math.Min(_next, end);
        return _next;
    }

    private async ValueTask<bool> GiveUpOrWaitAsync(JetStreamError error, CancellationToken cancel)
    {
        var isGone = error.Fault == JetStreamFault.NotFound && ++_misses >= MissesUntilGone;
        if (isGone || error.Fault is JetStreamFault.WrongName or JetStreamFault.Ignored or JetStreamFault.Malformed || IsFinal(error))
        {
            _ended = error;
            return false;
        }

        _ = await _context.Api.PauseAsync(cancel).ConfigureAwait(false);
        return false;
    }

    /// <summary>A refusal of the very first consumer is the caller's to mend; a later one may be a cluster that is short of servers.</summary>
    private bool IsFinal(JetStreamError error) => error.Fault == JetStreamFault.Refused && LastSequence == 0;
}
