using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.LlamaCpp;

/// <summary>
/// llama.cpp's llama-server: chat completions, embeddings and reranking under <c>/v1</c>; its slots tell how many calls it could take now, its own template
/// and tokenizer how long a prompt is. Source: tools/server/README.md of llama.cpp. Endpoints that the operator left off are done without.
/// </summary>
public sealed class LlamaCppAdapter : IModelAdapter, IDisposable
{
    private static readonly ChatDialect Dialect = new() { TakesReasoning = true, Grammar = GrammarField.Gbnf, HasTypical = true, Repetition = RepetitionField.LastN };

    private readonly ChatServer _server;
    private readonly CapacityWatch _watch;
    private readonly ReadOnlyMemory<byte> _applyTemplate;
    private readonly ReadOnlyMemory<byte> _tokenize;

    public LlamaCppAdapter(LlamaCppOptions options, INetwork network, TimeProvider time)
    {
        Id = new AdapterId("llamacpp", options.Provider);
        _server = new ChatServer(options, Dialect, "", network, time);
        _watch = new CapacityWatch(_server.Client, new SlotsLook(_server.Client).RunAsync, TimeSpan.FromMilliseconds(options.PollMs), time);
        _applyTemplate = _server.Client.RootPathOf("/apply-template");
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

    /// <summary>The server writes the prompt as it would for a chat, then counts it; the bound where it offers neither, or where images are in it.</summary>
    private async ValueTask<CallResult> CountAsync(ModelRequest request, CancellationToken cancel)
    {
        var exchange = _server.Exchanges.Rent();
        try
        {
            var counts = !UpstreamBound.HasImages(request) && request.VerbatimOnly.Length == 0 && ChatRequest.WritePrompt(request, Dialect, exchange.Body).IsNone;
            if (!counts || !await TokenCount.PostAsync(_server.Client, _applyTemplate, exchange, cancel).ConfigureAwait(false))
            {
                return ChatServer.Bound(request);
            }

            if (!Prompt.TryWrite(exchange.Whole.Span, exchange.Body))
            {
                return ChatServer.Bound(request);
            }

            exchange.ForgetWhole();
            var answered = await TokenCount.PostAsync(_server.Client, _tokenize, exchange, cancel).ConfigureAwait(false);
            var count = answered ? Prompt.CountTokens(exchange.Whole.Span) : -1;
            return count < 0 ? ChatServer.Bound(request) : TokenCount.Exact(count);
        }
        finally
        {
            _server.Exchanges.Return(exchange);
        }
    }
}
