using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.OpenAiCompatible;

/// <summary>
/// Calls <c>POST /chat/completions</c> of any server that offers it, always streaming. A body that came in this shape passes through with the model's name
/// replaced; any other request is built. Source: OpenAI API reference, "Chat completions" and "Streaming".
/// </summary>
public sealed class OpenAiCompatibleAdapter : IModelAdapter, IDisposable
{
    private readonly ExchangePool<ChatExchange> _exchanges = new();
    private readonly HttpUpstream _upstream;
    private readonly TimeProvider _time;
    private readonly ErrorMapper _errors;
    private readonly ReadOnlyMemory<byte> _path;
    private readonly ReadOnlyMemory<byte> _headers;

    public OpenAiCompatibleAdapter(OpenAiCompatibleOptions options, INetwork network, TimeProvider time)
    {
        var url = options.Url;
        if (url.Scheme is not ("http" or "https") || options.Key.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
        {
            throw new ArgumentException($"providers.{options.Provider}: the url must begin with http:// or https://, and the key be visible ASCII.", nameof(options));
        }

        Id = new AdapterId("openai-compatible", options.Provider);
        _time = time;
        _errors = new ErrorMapper(options.Provider, options.Key, time);
        _path = Encoding.ASCII.GetBytes(url.AbsolutePath.TrimEnd('/') + "/chat/completions");
        _headers = Encoding.ASCII.GetBytes(HeadersOf(options.Key));
        _upstream = new HttpUpstream(new NetworkTarget(url.IdnHost, url.Port, url.Scheme == "https"), network, time, options.Http);
    }

    public AdapterId Id { get; }

    /// <summary>What a server could take now nobody tells; its 429 does.</summary>
    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, FreeSlots = int.MaxValue, AsOf = _time.GetTimestamp() };

    /// <summary>The caller's body goes out as it came; the answer is still read and written anew.</summary>
    public bool Forwards(ApiShape shape) => shape == ApiShape.OpenAiChat;

    public int CountInputTokens(ModelRequest request) => UpstreamBound.Tokens(request);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var exchange = _exchanges.Rent();
        try
        {
            var error = ChatRequest.Write(request, exchange.Body);
            if (!error.IsNone)
            {
                return new CallResult { Error = error, Reason = FinishReason.Error };
            }

            exchange.WriteHeaders(request.Ids);
            var result = await _upstream.SendAsync(exchange.Request(_path, _headers), cancel).ConfigureAwait(false);
            return result.Response is null
                ? Estimate(request, exchange, _errors.Of(result.Error), exact: result.Error.Fault is HttpFault.ConnectFailed or HttpFault.Busy)
                : await AnswerAsync(request, sink, exchange, result.Response).ConfigureAwait(false);
        }
        finally
        {
            _exchanges.Return(exchange);
        }
    }

    public void Dispose()
    {
        _upstream.Dispose();
        _exchanges.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallResult> AnswerAsync(ModelRequest request, IAnswerSink sink, ChatExchange exchange, HttpResponse response)
    {
        using (response)
        {
            if (response.Status != 200)
            {
                await exchange.ReadWholeAsync(response, ErrorMapper.BodyBytesMax).ConfigureAwait(false);
                return new CallResult { Error = _errors.Of(response, exchange.Whole), Reason = FinishReason.Error };
            }

            var error = UpstreamBody.IsEventStream(response)
                ? await exchange.StreamAsync(response, Asked(request), sink, _errors).ConfigureAwait(false)
                : await exchange.AnswerWholeAsync(response, sink, _errors).ConfigureAwait(false);

            // An error in place of an answer is not billed; one after part of it may be.
            return Estimate(request, exchange, error, exact: !error.IsNone && exchange.RefusedWhole);
        }
    }

    /// <summary>The stated usage; where there is none, what the bytes of prompt and answer allow at most.</summary>
    private CallResult Estimate(ModelRequest request, ChatExchange exchange, ModelError error, bool exact)
    {
        var stated = exchange.Answer.Usage;
        var usage = exact ? default : stated ?? new Usage { InputTokens = CountInputTokens(request), OutputTokens = BoundOutput(request, exchange) };
        return new CallResult
        {
            Error = error,
            Reason = error.IsNone ? exchange.Answer.Reason : FinishReason.Error,
            Usage = usage,
            Quality = exact || stated is not null ? UsageQuality.Exact : UsageQuality.Estimated,
        };
    }

    private static int BoundOutput(ModelRequest request, ChatExchange exchange)
    {
        var bytes = exchange.Answer.ContentBytes;
        var asked = Asked(request);
        return (int)Math.Min(int.MaxValue, asked > 0 ? Math.Min(bytes, asked) : bytes);
    }

    private static long Asked(ModelRequest request) => (long)request.MaxOutputTokens * Math.Max(1, request.Choices);

    private static string HeadersOf(string key)
    {
        var authorization = key.Length > 0 ? $"authorization: Bearer {key}\r\n" : "";
        return authorization + "content-type: application/json\r\naccept: text/event-stream, application/json\r\nuser-agent: jesus\r\n";
    }
}
