using System.Runtime.CompilerServices;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
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
    private readonly UpstreamClient _client;
    private readonly TimeProvider _time;
    private readonly ReadOnlyMemory<byte> _path;

    public OpenAiCompatibleAdapter(OpenAiCompatibleOptions options, INetwork network, TimeProvider time)
    {
        Id = new AdapterId("openai-compatible", options.Provider);
        _time = time;
        _client = new UpstreamClient(options, $"authorization: Bearer {options.Key}", "", network, time);
        _path = _client.PathOf("/chat/completions");
    }

    public AdapterId Id { get; }

    /// <summary>What a server could take now nobody tells; its 429 does.</summary>
    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, FreeSlots = int.MaxValue, InProgress = -1, AsOf = _time.GetTimestamp() };

    public bool Forwards(ApiShape shape) => shape == ApiShape.OpenAiChat;

    public int CountInputTokens(ModelRequest request) => UpstreamBound.Tokens(request);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var exchange = _exchanges.Rent();
        try
        {
            var error = ChatRequest.Write(request, exchange.Body);
            return error.IsNone
                ? await _client.GenerateAsync(request, exchange, _path, default, sink, cancel).ConfigureAwait(false)
                : new CallResult { Error = error, Reason = FinishReason.Error };
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
}
