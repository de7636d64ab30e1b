using System.Runtime.CompilerServices;
using Jesus.Transport.Pooling;

namespace Jesus.Transport.Http;

/// <summary>A response under way. Owned by whoever sent the request, until <see cref="Dispose"/>; then its connection serves the next.</summary>
public sealed class HttpResponse : IDisposable
{
    /// <summary>A body whose end is near is read out so that its connection can be kept: at most this much.</summary>
    private const int DrainBytesMax = 64 * 1024;

    private readonly HttpConnection _connection;
    private bool _open;

    internal HttpResponse(HttpConnection connection) => _connection = connection;

    public int Status => _connection.Head.Status;

    /// <summary>Why the body broke off; none while it is sound.</summary>
    public HttpError Error { get; internal set; }

    /// <summary>The body has been read to its end.</summary>
    public bool IsComplete { get; internal set; }

    /// <param name="lowerCaseName">Name in lower case.</param>
    public bool TryGetHeader(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value) => _connection.Head.TryGet(lowerCaseName, out value);

    /// <summary>The next piece of the body, valid until the next read; empty at the end, or when <see cref="Error"/> says why there is no more.</summary>
    public ValueTask<ReadOnlyMemory<byte>> ReadAsync() =>
        IsComplete || !Error.IsNone ? ValueTask.FromResult(ReadOnlyMemory<byte>.Empty) : _connection.ReadBodyAsync(this);

    /// <summary>Done with it. What is left of the body is read in the background if it is short, otherwise the connection is closed.</summary>
    public void Dispose()
    {
        if (!_open)
        {
            return;
        }

        _open = false;
        if (IsComplete || !Error.IsNone)
        {
            _connection.End(IsComplete);
            return;
        }

        // Its own failures end in the connection being closed; nobody waits for it.
        _ = DrainAsync().AsTask();
    }

    internal void Begin()
    {
        _open = true;
        Error = default;
        IsComplete = false;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask DrainAsync()
    {
        var read = 0;
        while (!IsComplete && Error.IsNone && read <= DrainBytesMax)
        {
            read += (await ReadAsync().ConfigureAwait(false)).Length;
        }

        _connection.End(IsComplete);
    }
}
