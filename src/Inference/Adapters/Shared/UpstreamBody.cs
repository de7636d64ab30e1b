using Jesus.Transport.Buffers;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Reading bodies and writing header lines, the same for every provider.</summary>
internal static class UpstreamBody
{
    /// <summary>Longest value of a header that comes from a caller: ids, trace contexts and lists of betas are shorter.</summary>
    private const int HeaderBytesMax = 1024;

    /// <summary>A whole answer in one JSON body: 4 MiB of text and as much again for escapes and the rest.</summary>
    public const int WholeBytesMax = 8 * 1024 * 1024;

    /// <summary>Reads a body up to a limit; what is over is dropped.</summary>
    /// <returns>False when it was longer.</returns>
    public static async ValueTask<bool> ReadWholeAsync(HttpResponse response, PooledBuffer into, int bytesMax)
    {
        while (true)
        {
            var piece = await response.ReadAsync().ConfigureAwait(false);
            if (piece.IsEmpty)
            {
                return true;
            }

            if (into.Length + piece.Length > bytesMax)
            {
                return false;
            }

            into.Write(piece.Span);
        }
    }

    /// <summary>The response's body is an event stream.</summary>
    public static bool IsEventStream(HttpResponse response) =>
        response.TryGetHeader("content-type"u8, out var type) && type.StartsWith("text/event-stream"u8);

    /// <summary>A header line. Values come from outside: anything but visible ASCII and blanks could forge a header, and is left out.</summary>
    /// <param name="name">With its colon and blank.</param>
    public static void WriteHeader(PooledBuffer to, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty || value.Length > HeaderBytesMax || value.IndexOfAnyExceptInRange((byte)' ', (byte)'~') >= 0)
        {
            return;
        }

        to.Write(name);
        to.Write(value);
        to.Write("\r\n"u8);
    }
}
