using Jesus.Transport.Nats.JetStream;
using Jesus.Transport.Nats.KeyValue;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>
/// The board as the bucket <c>jesus_C_budget</c>: what concerns this box is watched, its own word is written by compare and set. Down, gone or made anew, the bucket
/// is no error: the board is reached again by itself, and what it lost is said again.
/// </summary>
internal sealed class KvLoanBoard : ILoanBoard, IAsyncDisposable
{
    /// <summary>Words of periods long over go by themselves; those that hold are said again each day.</summary>
    private static readonly TimeSpan Ttl = TimeSpan.FromDays(62);

    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(2);

    private readonly JetStreamContext _context;
    private readonly KeyValueConfig _config;
    private readonly string _self;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly Lock _gate = new();
    private readonly Dictionary<LoanId, LoanAsk> _asks = [];
    private readonly Dictionary<LoanId, LoanGrant> _loans = [];
    private readonly Dictionary<string, ulong> _revisions = new(StringComparer.Ordinal);
    private volatile KeyValueBucket? _bucket;
    private int _epoch;
    private Task _worker = Task.CompletedTask;

    public KvLoanBoard(JetStreamContext context, string cluster, string self, int replicas, TimeProvider time, ILogger log)
    {
        _context = context;
        _config = new KeyValueConfig
        {
            Bucket = $"jesus_{cluster}_budget",
            Description = "Loans of caps that boxes share",
            Ttl = Ttl,
            Replicas = replicas,
            MaxValueBytes = 256,
        };
        _self = self;
        _time = time;
        _log = log;
    }

    public int Epoch => Volatile.Read(ref _epoch);

    public void Start() => _worker = Task.Run(() => WorkAsync(_stop.Token));

    public IReadOnlyList<(LoanId Id, LoanAsk Ask)> Asks()
    {
        lock (_gate)
        {
            return [.. _asks.Select(pair => (pair.Key, pair.Value))];
        }
    }

    public IReadOnlyList<(LoanId Id, LoanGrant Grant)> Loans()
    {
        lock (_gate)
        {
            return [.. _loans.Select(pair => (pair.Key, pair.Value))];
        }
    }

    public ValueTask<string?> PostAsync(LoanId id, LoanAsk ask, CancellationToken cancel) => PostAsync(LoanKeys.Ask(id), ask.Encode(), cancel);

    public ValueTask<string?> PostAsync(LoanId id, LoanGrant grant, CancellationToken cancel) => PostAsync(LoanKeys.Loan(id), grant.Encode(), cancel);

    public async ValueTask WaitAsync(TimeSpan atMost, CancellationToken cancel)
    {
        await _changed.WaitAsync(atMost, cancel).ConfigureAwait(false);
        while (_changed.Wait(0, CancellationToken.None))
        {
            // One look answers for all changes before it.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _worker.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _changed.Dispose();
    }

    private async ValueTask<string?> PostAsync(string? key, byte[] value, CancellationToken cancel)
    {
        if (key is null)
        {
            return "the name of a cap is too long to be shared";
        }

        if (_bucket is not { } bucket)
        {
            return $"the bucket {_config.Bucket} is not reached";
        }

        ulong revision;
        lock (_gate)
        {
            revision = _revisions.GetValueOrDefault(key);
        }

        var written = await bucket.UpdateAsync(key, value, revision, cancel).ConfigureAwait(false);
        if (written.Error.Fault == JetStreamFault.Conflict)
        {
            // An earlier life of this box wrote it, or the answer to an earlier write was lost: on its last revision, then. In between nobody else may write.
            var last = await bucket.GetAsync(key, cancel).ConfigureAwait(false);
            written = last.IsOk ? await bucket.UpdateAsync(key, value, last.Value.Revision, cancel).ConfigureAwait(false) : last.Error;
        }

        if (!written.IsOk)
        {
            return $"{key} was not written: {written.Error}";
        }

        lock (_gate)
        {
            _revisions[key] = written.Value;
        }

        return null;
    }

    private async Task WorkAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            // Permissions may let this box use the bucket and not make it. Others may have made it with other options: theirs hold.
            var made = await KeyValueBucket.OpenAsync(_context, _config.Bucket, cancel).ConfigureAwait(false);
            if (made.Error.Fault == JetStreamFault.NotFound)
            {
                made = await KeyValueBucket.CreateAsync(_context, _config, cancel).ConfigureAwait(false);
            }

            if (made.IsOk)
            {
                await FollowAsync(made.Value, cancel).ConfigureAwait(false);
            }
            else
            {
                _log.LogDebug("shared budgets: the bucket {Bucket} is not reached: {Error}", _config.Bucket, made.Error);
            }

            await Task.Delay(RetryEvery, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Watches until one of the watches ends: the bucket is gone.</summary>
    private async Task FollowAsync(KeyValueBucket bucket, CancellationToken cancel)
    {
        lock (_gate)
        {
            _asks.Clear();
            _loans.Clear();
            _revisions.Clear();
        }

        _bucket = bucket;
        Interlocked.Increment(ref _epoch);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var watches = new[] { LoanKeys.AsksTo(_self), LoanKeys.LoansTo(_self), LoanKeys.LoansOf(_self) }
            .Select(pattern => WatchAsync(bucket, pattern, any.Token)).ToArray();
        await Task.WhenAny(watches).ConfigureAwait(false);
        _bucket = null;
        await any.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(watches).ConfigureAwait(false);
    }

    private async Task WatchAsync(KeyValueBucket bucket, string pattern, CancellationToken cancel)
    {
        var opened = bucket.Watch(pattern);
        if (!opened.IsOk)
        {
            _log.LogError("shared budgets: {Error}", opened.Error);
            return;
        }

        await using var watch = opened.Value;
        while (true)
        {
            var read = await watch.ReadAsync(cancel).ConfigureAwait(false);
            if (!read.IsOk)
            {
                if (!cancel.IsCancellationRequested)
                {
                    _log.LogWarning("shared budgets: the watch of {Pattern} ended: {Error}; it begins again", pattern, read.Error);
                }

                return;
            }

            if (read.Value.Entry is { IsDeleted: false } entry)
            {
                Take(entry);
            }

            _changed.Release();
        }
    }

    private void Take(KeyValueEntry entry)
    {
        if (!LoanKeys.TryRead(entry.Key, out var id, out var isAsk))
        {
            return;
        }

        lock (_gate)
        {
            if (isAsk && LoanAsk.TryRead(entry.Value.Span, out var ask))
            {
                _asks[id] = ask;
            }
            else if (!isAsk && LoanGrant.TryRead(entry.Value.Span, out var grant))
            {
                _loans[id] = grant;
                if (id.Owner == _self)
                {
                    _revisions[entry.Key] = Math.Max(entry.Revision, _revisions.GetValueOrDefault(entry.Key));
                }
            }
        }
    }
}
