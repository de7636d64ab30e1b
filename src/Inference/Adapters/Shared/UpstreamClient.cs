using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;
using Jesus.Transport.Pooling;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// One provider's server as every adapter calls it: connections, header lines, errors in our words, and what a call is charged. The adapter writes the
/// request's body into the exchange and names the path.
/// </summary>
internal sealed class UpstreamClient : IDisposable
{
    private readonly ReadOnlyMemory<byte> _headers;
    private readonly string _base;

    /// <param name="authorization">The header that carries the key, as <c>name: value</c>; empty when there is none.</param>
    /// <param name="extra">Header lines of this kind of provider, each ended by CR LF.</param>
    public UpstreamClient(UpstreamOptions options, string authorization, string extra, INetwork network, TimeProvider time)
    {
        var url = options.Url;
        if (url.Scheme is not ("http" or "https") || options.Key.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
        {
            throw new ArgumentException($"providers.{options.Provider}: the url must begin with http:// or https://, and the key be visible ASCII.", nameof(options));
        }

        _base = url.AbsolutePath.TrimEnd('/');
        _headers = Encoding.ASCII.GetBytes(HeadersOf(options, authorization, extra));
        Errors = new ErrorMapper(options.Provider, options.Key, time);
        Http = new HttpUpstream(new NetworkTarget(url.IdnHost, url.Port, url.Scheme == "https"), network, time, options.Http);
    }

    public HttpUpstream Http { get; }
    public ErrorMapper Errors { get; }

    /// <summary>The path of an endpoint under the base address.</summary>
    public ReadOnlyMemory<byte> PathOf(string endpoint) => Encoding.ASCII.GetBytes(_base + endpoint);

    /// <summary>The path of an endpoint beside the version: servers keep health, metrics and tokenizers at their root.</summary>
    public ReadOnlyMemory<byte> RootPathOf(string endpoint)
    {
        var root = _base.EndsWith("/v1", StringComparison.Ordinal) ? _base[..^3] : _base;
        return Encoding.ASCII.GetBytes(root + endpoint);
    }

    /// <summary>Sends the exchange's body and waits for the answer's head. Dispose the response.</summary>
    public ValueTask<HttpResult> SendAsync(AnswerExchange exchange, ReadOnlyMemory<byte> path, CancellationToken cancel) =>
        Http.SendAsync(exchange.Request(path, _headers), cancel);

    /// <summary>Asks for something that costs nothing and may be asked twice.</summary>
    public ValueTask<HttpResult> GetAsync(ReadOnlyMemory<byte> path, CancellationToken cancel) =>
        Http.SendAsync(new HttpRequest { Method = Get, Path = path, FixedHeaders = _headers, SafeToResend = true }, cancel);

    /// <summary>Generates: sends the exchange's body, and the answer's events into the sink as they come.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<CallResult> GenerateAsync(
        ModelRequest request, AnswerExchange exchange, ReadOnlyMemory<byte> path, Forwarding forward, IAnswerSink sink, CancellationToken cancel)
    {
        exchange.WriteHeaders(request.Ids);
        exchange.Answer.Choices = Math.Max(1, request.Choices);
        var result = await SendAsync(exchange, path, cancel).ConfigureAwait(false);
        return result.Response is null
            ? Charge(request, exchange, Errors.Of(result.Error), exact: NothingSent(result.Error))
            : await AnswerAsync(request, exchange, result.Response, forward, sink).ConfigureAwait(false);
    }

    public static bool NothingSent(in HttpError error) => error.Fault is HttpFault.ConnectFailed or HttpFault.TlsFailed or HttpFault.Busy;

    public void Dispose() => Http.Dispose();

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<CallResult> AnswerAsync(ModelRequest request, AnswerExchange exchange, HttpResponse response, Forwarding forward, IAnswerSink sink)
    {
        using (response)
        {
            if (response.Status != 200)
            {
                return await RefusedAsync(exchange, response).ConfigureAwait(false);
            }

            var streams = UpstreamBody.IsEventStream(response);

            // A server that streams when it should not, or the reverse, is understood, but its bytes are not what the caller's client expects.
            forward = streams == request.Streams ? forward : default;
            var error = streams
                ? await exchange.StreamAsync(response, forward, Asked(request), sink, Errors).ConfigureAwait(false)
                : await exchange.AnswerWholeAsync(response, forward, sink, Errors).ConfigureAwait(false);

            // An error in place of an answer is not billed; one after part of it may be.
            return Charge(request, exchange, error, exact: !error.IsNone && exchange.RefusedWhole);
        }
    }

    /// <summary>A status other than 200: nothing was done, so nothing is charged.</summary>
    public async ValueTask<CallResult> RefusedAsync(AnswerExchange exchange, HttpResponse response)
    {
        await exchange.ReadWholeAsync(response, ErrorMapper.BodyBytesMax).ConfigureAwait(false);
        return new CallResult { Error = Errors.Of(response, exchange.Whole.Span), Reason = FinishReason.Error };
    }

    /// <summary>The stated usage; where there is none, what the bytes of prompt and answer allow at most.</summary>
    private static CallResult Charge(ModelRequest request, AnswerExchange exchange, ModelError error, bool exact)
    {
        var stated = exchange.Answer.Usage;

        // Words that cost no token: a server that counts so has not counted.
        stated = stated is { OutputTokens: 0 } && exchange.Answer.ContentBytes > 0 ? null : stated;
        var usage = stated ?? (exact ? default : new Usage { InputTokens = UpstreamBound.Tokens(request), OutputTokens = BoundOutput(request, exchange) });
        return new CallResult
        {
            Error = error,
            Reason = error.IsNone ? exchange.Answer.Reason : FinishReason.Error,
            Usage = usage,
            Quality = exact || stated is not null ? UsageQuality.Exact : UsageQuality.Estimated,
        };
    }

    private static int BoundOutput(ModelRequest request, AnswerExchange exchange)
    {
        var bytes = exchange.Answer.ContentBytes;
        var asked = Asked(request);
        return (int)Math.Min(int.MaxValue, asked > 0 ? Math.Min(bytes, asked) : bytes);
    }

    private static long Asked(ModelRequest request) => (long)request.MaxOutputTokens * Math.Max(1, request.Choices);

    private static string HeadersOf(UpstreamOptions options, string authorization, string extra)
    {
        var lines = new StringBuilder();
        if (options.Key.Length > 0 && authorization.Length > 0)
        {
            lines.Append(authorization).Append("\r\n");
        }

        foreach (var (name, value) in options.Headers)
        {
            if (name.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0 || value.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
            {
                throw new ArgumentException($"providers.{options.Provider}.headers.{name}: name and value must be visible ASCII.", nameof(options));
            }

            lines.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        return lines.Append(extra).Append("content-type: application/json\r\naccept: text/event-stream, application/json\r\nuser-agent: jesus\r\n").ToString();
    }

    private static readonly ReadOnlyMemory<byte> Get = "GET"u8.ToArray();
}
