using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.OpenAiCompatible;

/// <summary>Any server that offers <c>POST /chat/completions</c>, and maybe <c>/embeddings</c> and <c>/rerank</c>.</summary>
public sealed class OpenAiCompatibleAdapter(OpenAiCompatibleOptions options, INetwork network, TimeProvider time) : IModelAdapter, IDisposable
{
    private readonly ChatServer _server = new(options, new ChatDialect(), "", network, time);

    public AdapterId Id { get; } = new("openai-compatible", options.Provider);

    /// <summary>What a server could take now nobody tells; its 429 does.</summary>
    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, FreeSlots = int.MaxValue, InProgress = -1, AsOf = time.GetTimestamp() };

    public bool Forwards(ApiShape shape) => shape == ApiShape.OpenAiChat;

    public int CountInputTokens(ModelRequest request) => UpstreamBound.Tokens(request);

    public ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel) => _server.CallAsync(request, sink, cancel);

    public void Dispose() => _server.Dispose();
}
