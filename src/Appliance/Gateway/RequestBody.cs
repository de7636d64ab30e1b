using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Jesus.Transport.Pooling;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>A request's body in one pooled buffer. The owner disposes it after the last slice of it was read.</summary>
internal struct RequestBody : IDisposable
{
    private byte[] _buffer;

    public ReadOnlyMemory<byte> Bytes { get; private set; }

    /// <summary>Reads to the end, at most <paramref name="limit"/> bytes.</summary>
    /// <returns>A failure that names the limit, or none.</returns>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public static async ValueTask<(RequestBody Body, ApiFailure Failure)> ReadAsync(HttpContext http, long limit)
    {
        if (http.Request.ContentLength > limit)
        {
            return (default, TooLarge(limit));
        }

        var body = new RequestBody { _buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(limit, Math.Max(http.Request.ContentLength ?? 0, 4096))) };
        var length = 0;
        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (length + read.Buffer.Length > limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                body.Dispose();
                return (default, TooLarge(limit));
            }

            length = body.Append(read, length);
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                body.Bytes = body._buffer.AsMemory(0, length);
                return (body, default);
            }
        }
    }

    public void Dispose()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null!;
            Bytes = default;
        }
    }

    private int Append(in ReadResult read, int length)
    {
        var more = (int)read.Buffer.Length;
        if (length + more > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length + more, _buffer.Length * 2));
            _buffer.AsSpan(0, length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        read.Buffer.CopyTo(_buffer.AsSpan(length));
        return length + more;
    }

    private static ApiFailure TooLarge(long limit) =>
        new(413, ApiFailure.InvalidRequest, "request_too_large", $"The body is larger than {limit} bytes (listen.maxBodyBytes). Send less.");
}
