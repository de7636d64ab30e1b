using System.Runtime.CompilerServices;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;
using Jesus.Transport.Pooling;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>
/// A server that speaks chat completions, with embeddings and reranking beside them. A caller's body in that shape is sent on as it came; any other request is
/// built and streams. Source: OpenAI API reference, "Chat completions", "Streaming", "Embeddings"; Jina's reranker API, which vLLM and llama.cpp serve.
/// </summary>
internal sealed class ChatServer : IDisposable
{
    private readonly ChatDialect _dialect;
    private readonly ReadOnlyMemory<byte> _chat;
    private readonly ReadOnlyMemory<byte> _embeddings;
    private readonly ReadOnlyMemory<byte> _rerank;

    public ChatServer(UpstreamOptions options, ChatDialect dialect, string extraHeaders, INetwork network, TimeProvider time)
    {
        _dialect = dialect;
        Client = new UpstreamClient(options, $"authorization: Bearer {options.Key}", extraHeaders, network, time);
        _chat = Client.PathOf("/chat/completions");
        _embeddings = Client.PathOf("/embeddings");
        _rerank = Client.PathOf("/rerank");
    }

    public UpstreamClient Client { get; }
    public ExchangePool<ChatExchange> Exchanges { get; } = new();

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        if (request.Operation == ModelOperation.CountTokens)
        {
            return Bound(request);
        }

        var exchange = Exchanges.Rent();
        try
        {
            return request.Operation switch
            {
                ModelOperation.Embed => await VectorCall.RunAsync(Client, _embeddings, request, exchange, sink, cancel).ConfigureAwait(false),
                ModelOperation.Rerank => await VectorCall.RunAsync(Client, _rerank, request, exchange, sink, cancel).ConfigureAwait(false),
                _ => await GenerateAsync(request, exchange, sink, cancel).ConfigureAwait(false),
            };
        }
        finally
        {
            Exchanges.Return(exchange);
        }
    }

    /// <summary>A count of tokens that is a bound: it costs nothing.</summary>
    public static CallResult Bound(ModelRequest request) => new()
    {
        Reason = FinishReason.Stop,
        Usage = new Usage { InputTokens = UpstreamBound.Tokens(request) },
        Quality = UsageQuality.Estimated,
    };

    public void Dispose()
    {
        Client.Dispose();
        Exchanges.Dispose();
    }

    private ValueTask<CallResult> GenerateAsync(ModelRequest request, ChatExchange exchange, IAnswerSink sink, CancellationToken cancel)
    {
        var forward = default(Forwarding);
        ModelError error;
        if (Forwards(request))
        {
            error = ChatRequest.CheckConstraint(request.Constraint, _dialect);
            var hideUsage = false;
            error = error.IsNone ? ChatForward.Write(request, _dialect, exchange.Body, out hideUsage) : error;
            forward = new Forwarding(ApiShape.OpenAiChat, hideUsage);
        }
        else
        {
            error = ChatRequest.Write(request, _dialect, exchange.Body);
        }

        return error.IsNone
            ? Client.GenerateAsync(request, exchange, _chat, forward, sink, cancel)
            : ValueTask.FromResult(new CallResult { Error = error, Reason = FinishReason.Error });
    }

    /// <summary>Not where the body asks in our own words (a regular expression, a grammar), which the server takes in others.</summary>
    private static bool Forwards(ModelRequest request) =>
        request.BodyShape == ApiShape.OpenAiChat && !request.Body.IsEmpty && request.Constraint.Kind is not (ConstraintKind.Regex or ConstraintKind.Grammar);
}
