using System.Runtime.CompilerServices;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Http;
using Jesus.Transport.Pooling;
using Jesus.Transport.Sse;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>The buffers of one call and the reading of its answer. Pooled: owned by the call from rent to return.</summary>
internal abstract class AnswerExchange(AnswerReader answer) : IExchange
{
    /// <summary>No tokenizer's tokens are longer (runs of blanks come near): more bytes than this a token asked for is a stream gone wild.</summary>
    private const int TokenBytesMax = 256;
    private const long StreamBytesMax = 16 * 1024 * 1024;

    /// <summary>Of a long prompt's or a large answer's buffer this much is kept between calls.</summary>
    private const int KeptBytesMax = 256 * 1024;

    private readonly PooledBuffer _headers = new(256);
    private readonly PooledBuffer _whole = new(1024);
    private readonly SseReader _events = new();

    public PooledBuffer Body { get; } = new(4096);
    public AnswerReader Answer { get; } = answer;

    /// <summary>A body that was read whole.</summary>
    public ReadOnlyMemory<byte> Whole => _whole.Memory;

    /// <summary>The server answered with an error or a page in place of an answer.</summary>
    public bool RefusedWhole { get; private set; }

    public void WriteHeaders(in CallIds ids)
    {
        UpstreamBody.WriteHeader(_headers, "x-request-id: "u8, ids.Correlation);
        UpstreamBody.WriteHeader(_headers, "traceparent: "u8, ids.TraceParent);
    }

    /// <summary>A header line of this request alone, beside those of <see cref="WriteHeaders"/>.</summary>
    public void WriteHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => UpstreamBody.WriteHeader(_headers, name, value);

    public HttpRequest Request(ReadOnlyMemory<byte> path, ReadOnlyMemory<byte> fixedHeaders) => new()
    {
        Method = Post,
        Path = path,
        FixedHeaders = fixedHeaders,
        Headers = _headers.Memory,
        Body = Body.Memory,

        // Generating twice would cost twice: the pipeline decides about another attempt.
        SafeToResend = false,
    };

    /// <inheritdoc cref="UpstreamBody.ReadWholeAsync"/>
    public ValueTask<bool> ReadWholeAsync(HttpResponse response, int bytesMax) => UpstreamBody.ReadWholeAsync(response, _whole, bytesMax);

    /// <summary>Makes room for the body of another request of the same call.</summary>
    public void ForgetWhole() => _whole.Reset();

    /// <summary>Reads an answer that came as one JSON object.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<ModelError> AnswerWholeAsync(HttpResponse response, Forwarding forward, IAnswerSink sink, ErrorMapper errors)
    {
        var fits = await ReadWholeAsync(response, UpstreamBody.WholeBytesMax).ConfigureAwait(false);
        if (!response.Error.IsNone)
        {
            return errors.Of(response.Error);
        }

        var wrong = fits ? Answer.Read(_whole.Span) : $"longer than {UpstreamBody.WholeBytesMax} bytes";
        if (wrong is not null || Answer.HasError)
        {
            RefusedWhole = fits && (Answer.HasError || !MayBeAnAnswer(_whole.Span));
            return wrong is null ? errors.BrokeOff(Answer.ErrorCode, Answer.ErrorMessage) : errors.NotAnAnswer(wrong, _whole.Span);
        }

        if (!Answer.IsFinished)
        {
            return errors.NotAnAnswer("an answer that does not say why it ended", _whole.Span);
        }

        await PassOnAsync(_whole.Memory, WirePart.Terminal, forward, sink).ConfigureAwait(false);
        return default;
    }

    /// <summary>A broken object, a compressed one, or events under another name may be an answer that was worked for; a page, a word or nothing is none.</summary>
    private static bool MayBeAnAnswer(ReadOnlySpan<byte> body)
    {
        var from = body.IndexOfAnyExcept(" \t\r\n\uFEFF"u8);
        return from >= 0 && (body[from] is (byte)'{' or 0x1F || body[from..].StartsWith("data:"u8) || body[from..].StartsWith("event:"u8));
    }

    /// <summary>Reads an answer that comes as events, each an object of it, up to the API's own end of it.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<ModelError> StreamAsync(HttpResponse response, Forwarding forward, long outputTokens, IAnswerSink sink, ErrorMapper errors)
    {
        var bytesMax = outputTokens > 0 ? Math.Min(StreamBytesMax, (outputTokens + 16) * TokenBytesMax) : StreamBytesMax;
        while (true)
        {
            var piece = await response.ReadAsync().ConfigureAwait(false);
            if (piece.IsEmpty)
            {
                return Answer.IsFinished ? default : AtEnd(response, errors);
            }

            var read = 0;
            while (true)
            {
                var status = NextEvent(piece.Span, ref read);
                if (status == SseStatus.NeedMore)
                {
                    break;
                }

                if (status == SseStatus.TooLong)
                {
                    return errors.Stream("a line or an event longer than a megabyte");
                }

                if (_events.Data.Span.SequenceEqual("[DONE]"u8))
                {
                    return Answer.IsFinished ? default : errors.Stream("[DONE] before any finish_reason");
                }

                var error = ReadObject(errors);
                if (!error.IsNone)
                {
                    return error;
                }

                if (Answer.ContentBytes > bytesMax)
                {
                    return errors.Stream($"more than {bytesMax} bytes, which no answer of the length asked for has,");
                }

                await PassOnAsync(_events.Data, Answer.Part, forward, sink).ConfigureAwait(false);
                if (Answer.IsOver)
                {
                    return default;
                }
            }
        }
    }

    public void Reset()
    {
        Body.ResetAndShrink(KeptBytesMax);
        _headers.Reset();
        _whole.ResetAndShrink(KeptBytesMax);
        _events.Reset();
        Answer.Reset();
        RefusedWhole = false;
    }

    public void Dispose()
    {
        Body.Dispose();
        _headers.Dispose();
        _whole.Dispose();
        _events.Dispose();
        Answer.Dispose();
    }

    private static readonly ReadOnlyMemory<byte> Post = "POST"u8.ToArray();

    private SseStatus NextEvent(ReadOnlySpan<byte> piece, ref int read)
    {
        var rest = piece[read..];
        var status = _events.Read(ref rest);
        read = piece.Length - rest.Length;
        return status;
    }

    private ModelError ReadObject(ErrorMapper errors)
    {
        var wrong = Answer.Read(_events.Data.Span);
        if (wrong is not null)
        {
            return errors.Stream(wrong);
        }

        RefusedWhole = Answer.HasError && Answer.ContentBytes == 0;
        return Answer.HasError ? errors.BrokeOff(Answer.ErrorCode, Answer.ErrorMessage) : default;
    }

    private static ModelError AtEnd(HttpResponse response, ErrorMapper errors) =>
        response.Error.IsNone ? errors.EndedEarly() : errors.Of(response.Error);

    /// <summary>The server's own bytes first, where they are passed on; then what was read from them.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask PassOnAsync(ReadOnlyMemory<byte> own, WirePart part, Forwarding forward, IAnswerSink sink)
    {
        if (forward.IsWire && !(forward.HideUsage && Answer.IsOnlyUsage))
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Wire, Utf8 = own, Shape = forward.Shape, Wire = part }).ConfigureAwait(false);
        }

        for (var i = 0; i < Answer.EventCount; i++)
        {
            await sink.WriteAsync(Answer.EventAt(i) with { InWire = forward.IsWire }).ConfigureAwait(false);
        }
    }
}
