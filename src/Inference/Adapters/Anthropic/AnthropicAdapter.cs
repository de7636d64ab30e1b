using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;
using Jesus.Transport.Pooling;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// Calls <c>POST /v1/messages</c> and <c>/v1/messages/count_tokens</c> of Anthropic or a server that speaks as it does. A body that came in this shape goes out
/// as it came but for the model's name, and its answer comes back the same way; any other request is written anew, and streamed. Source: Anthropic API reference.
/// </summary>
public sealed class AnthropicAdapter : IModelAdapter, IDisposable
{
    /// <summary>Tokens of the prompt that the API adds when tools are given: 313 to 700 by model and choice ("Tool use", pricing).</summary>
    private const int ToolPromptTokens = 1_024;

    /// <summary>The version of the API in which requests are written here; a caller's own body goes in the caller's.</summary>
    private static ReadOnlySpan<byte> Version => "2023-06-01"u8;

    private readonly ExchangePool<MessagesExchange> _exchanges = new();
    private readonly UpstreamClient _client;
    private readonly TimeProvider _time;
    private readonly ReadOnlyMemory<byte> _messagesPath;
    private readonly ReadOnlyMemory<byte> _countPath;
    private readonly (byte[] Model, int Tokens)[] _maxTokens;

    public AnthropicAdapter(AnthropicOptions options, INetwork network, TimeProvider time)
    {
        Id = new AdapterId("anthropic", options.Provider);
        _time = time;
        _client = new UpstreamClient(options, $"x-api-key: {options.Key}", "", network, time);
        var version = options.Url.AbsolutePath == "/" ? "/v1" : "";
        _messagesPath = _client.PathOf(version + "/messages");
        _countPath = _client.PathOf(version + "/messages/count_tokens");
        _maxTokens = [.. options.MaxOutputTokens.Where(m => m.Value > 0).Select(m => (Encoding.UTF8.GetBytes(m.Key), m.Value))];
    }

    public AdapterId Id { get; }

    /// <summary>What a server could take now nobody tells; its 429 does.</summary>
    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, FreeSlots = int.MaxValue, InProgress = -1, AsOf = _time.GetTimestamp() };

    public bool Forwards(ApiShape shape) => shape == ApiShape.AnthropicMessages;

    public int CountInputTokens(ModelRequest request) =>
        (int)Math.Min(int.MaxValue, (long)UpstreamBound.Tokens(request) + (request.Tools.Count > 0 ? ToolPromptTokens : 0));

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var exchange = _exchanges.Rent();
        try
        {
            var error = MessagesRequest.Write(request, MaxTokens(request), exchange.Body);
            if (!error.IsNone)
            {
                return new CallResult { Error = error, Reason = FinishReason.Error };
            }

            var forward = MessagesForward.Applies(request) ? new Forwarding(ApiShape.AnthropicMessages) : default;
            exchange.WriteHeader("anthropic-version: "u8, forward.IsWire && !request.BodyVersion.IsEmpty ? request.BodyVersion.Span : Version);
            if (forward.IsWire)
            {
                exchange.WriteHeader("anthropic-beta: "u8, request.Betas.Span);
            }

            return request.Operation == ModelOperation.CountTokens
                ? await CountAsync(request, exchange, forward, sink, cancel).ConfigureAwait(false)
                : Bounded(request, exchange, await _client.GenerateAsync(request, exchange, _messagesPath, forward, sink, cancel).ConfigureAwait(false));
        }
        finally
        {
            _exchanges.Return(exchange);
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _exchanges.Dispose();
    }

    /// <summary>Costs nothing; the count is the result's usage, and the server's own words for a caller of this API.</summary>
    private async ValueTask<CallResult> CountAsync(ModelRequest request, MessagesExchange exchange, Forwarding forward, IAnswerSink sink, CancellationToken cancel)
    {
        exchange.WriteHeaders(request.Ids);
        var result = await _client.SendAsync(exchange, _countPath, cancel).ConfigureAwait(false);
        if (result.Response is null)
        {
            return new CallResult { Error = _client.Errors.Of(result.Error), Reason = FinishReason.Error };
        }

        using var response = result.Response;
        if (response.Status != 200)
        {
            return await _client.RefusedAsync(exchange, response).ConfigureAwait(false);
        }

        await exchange.ReadWholeAsync(response, ErrorMapper.BodyBytesMax).ConfigureAwait(false);
        var wrong = exchange.Message.Read(exchange.Whole.Span);
        if (wrong is not null || exchange.Message.CountedTokens < 0)
        {
            var error = response.Error.IsNone ? _client.Errors.NotAnAnswer(wrong ?? "no count of tokens", exchange.Whole.Span) : _client.Errors.Of(response.Error);
            return new CallResult { Error = error, Reason = FinishReason.Error };
        }

        if (forward.IsWire)
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Wire, Utf8 = exchange.Whole, Shape = forward.Shape, Wire = WirePart.Terminal }).ConfigureAwait(false);
        }

        return new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = exchange.Message.CountedTokens } };
    }

    /// <summary>Where the server never stated the usage and part of what it produced is not shown, only the limit bounds it.</summary>
    private CallResult Bounded(ModelRequest request, MessagesExchange exchange, in CallResult result) =>
        result.Quality == UsageQuality.Estimated && exchange.Message.HidesTokens ? result with { Usage = result.Usage with { OutputTokens = MaxTokens(request) } } : result;

    private int MaxTokens(ModelRequest request)
    {
        if (request.MaxOutputTokens > 0)
        {
            return request.MaxOutputTokens;
        }

        foreach (var (model, tokens) in _maxTokens)
        {
            if (request.Model.Span.SequenceEqual(model))
            {
                return tokens;
            }
        }

        // The API counts thinking as part of the answer.
        return (int)Math.Min(int.MaxValue, (long)AnthropicOptions.DefaultMaxTokens + request.Reasoning.BudgetTokens);
    }
}
