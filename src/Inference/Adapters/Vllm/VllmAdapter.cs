using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Vllm;

/// <summary>
/// vLLM: chat completions, embeddings and reranking under <c>/v1</c>; grammars as <c>structured_outputs</c>, the lane as <c>priority</c>, its metrics for what
/// it could take now, its own tokenizer for the length of a prompt. Source: vLLM's documentation, "OpenAI-Compatible Server" and "Production Metrics".
/// </summary>
public sealed class VllmAdapter : IModelAdapter, IDisposable
{
    private readonly ChatDialect _dialect;
    private readonly ChatServer _server;
    private readonly CapacityWatch _watch;
    private readonly ReadOnlyMemory<byte> _tokenize;

    public VllmAdapter(VllmOptions options, INetwork network, TimeProvider time)
    {
        Id = new AdapterId("vllm", options.Provider);
        _dialect = new ChatDialect { TakesReasoning = true, Grammar = GrammarField.StructuredOutputs, HasPriority = options.Priorities };
        _server = new ChatServer(options, _dialect, "", network, time);
        _watch = new CapacityWatch(_server.Client, new MetricsLook(_server.Client).RunAsync, TimeSpan.FromMilliseconds(options.PollMs), time);
        _tokenize = _server.Client.RootPathOf("/tokenize");
    }

    public AdapterId Id { get; }

    public CapacitySnapshot Capacity(ModelKey model) => _watch.Now();

    public bool Forwards(ApiShape shape) => shape == ApiShape.OpenAiChat;

    public int CountInputTokens(ModelRequest request) => UpstreamBound.Tokens(request);

    public ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel) =>
        request.Operation == ModelOperation.CountTokens ? CountAsync(request, cancel) : _server.CallAsync(request, sink, cancel);

    public void Dispose()
    {
        _watch.Dispose();
        _server.Dispose();
    }

    /// <summary>The server's own count; the bound where it does not offer one, or where images are in the prompt.</summary>
    private async ValueTask<CallResult> CountAsync(ModelRequest request, CancellationToken cancel)
    {
        var exchange = _server.Exchanges.Rent();
        try
        {
            var counts = !UpstreamBound.HasImages(request) && request.VerbatimOnly.Length == 0 && ChatRequest.WritePrompt(request, _dialect, exchange.Body).IsNone;
            var count = counts ? await TokenCount.AskAsync(_server.Client, _tokenize, exchange, "count", cancel).ConfigureAwait(false) : -1;
            return count < 0 ? ChatServer.Bound(request) : TokenCount.Exact(count);
        }
        finally
        {
            _server.Exchanges.Return(exchange);
        }
    }
}
