using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Http;
using Jesus.Transport.Pooling;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>
/// OpenAI: chat completions, embeddings, and the Responses API. A caller's body of either shape goes to the API it is written for; which one serves any other
/// request the configuration says, by model.
/// </summary>
public sealed class OpenAiAdapter : IModelAdapter, IDisposable
{
    private static readonly ChatDialect Dialect = new()
    {
        HasCompletionTokens = true,
        HasTopK = false,
        Repetition = RepetitionField.None,
        HasSafetyIdentifier = true,
        HighestEffort = "xhigh",
    };

    private readonly OpenAiOptions _options;
    private readonly TimeProvider _time;
    private readonly ChatServer _server;
    private readonly ExchangePool<ResponsesExchange> _exchanges = new();
    private readonly ReadOnlyMemory<byte> _responses;
    private readonly ReadOnlyMemory<byte> _inputTokens;
    private readonly Dictionary<Utf8Slice, OpenAiApi> _apis;
    private readonly HashSet<Utf8Slice> _thinking;

    public OpenAiAdapter(OpenAiOptions options, INetwork network, TimeProvider time)
    {
        _options = options;
        _time = time;
        Id = new AdapterId("openai", options.Provider);
        _server = new ChatServer(options, Dialect, HeadersOf(options), network, time);
        _responses = _server.Client.PathOf("/responses");
        _inputTokens = _server.Client.PathOf("/responses/input_tokens");
        _apis = options.ModelApis.ToDictionary(entry => Name(entry.Key), entry => entry.Value);
        _thinking = [.. options.ReasoningModels.Select(Name)];
    }

    public AdapterId Id { get; }

    /// <summary>What OpenAI could take now its headers tell only with an answer; its 429 says when it is too much.</summary>
    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, FreeSlots = int.MaxValue, InProgress = -1, AsOf = _time.GetTimestamp() };

    public bool Forwards(ApiShape shape) => shape is ApiShape.OpenAiChat or ApiShape.OpenAiResponses;

    public int CountInputTokens(ModelRequest request) => UpstreamBound.Tokens(request);

    public ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel) => request.Operation switch
    {
        ModelOperation.Generate when UsesResponses(request) => RespondAsync(request, sink, cancel),
        ModelOperation.CountTokens => CountAsync(request, cancel),
        _ => _server.CallAsync(request, sink, cancel),
    };

    public void Dispose()
    {
        _server.Dispose();
        _exchanges.Dispose();
    }

    private bool UsesResponses(ModelRequest request) => request.BodyShape switch
    {
        ApiShape.OpenAiResponses when !request.Body.IsEmpty => true,
        ApiShape.OpenAiChat when !request.Body.IsEmpty => false,
        _ => (_apis.TryGetValue(request.Model, out var api) ? api : _options.Api) == OpenAiApi.Responses,
    };

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<CallResult> RespondAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var exchange = _exchanges.Rent();
        try
        {
            var forwards = request.BodyShape == ApiShape.OpenAiResponses && !request.Body.IsEmpty;
            var error = forwards
                ? ResponsesForward.Write(request, exchange.Body)
                : ResponsesRequest.Write(request, exchange.Body, keepsReasoning: _thinking.Contains(request.Model));
            var forward = forwards ? new Forwarding(ApiShape.OpenAiResponses) : default;
            return error.IsNone
                ? await _server.Client.GenerateAsync(request, exchange, _responses, forward, sink, cancel).ConfigureAwait(false)
                : new CallResult { Error = error, Reason = FinishReason.Error };
        }
        finally
        {
            _exchanges.Return(exchange);
        }
    }

    /// <summary>The server's own count; where it does not offer one, the bound.</summary>
    private async ValueTask<CallResult> CountAsync(ModelRequest request, CancellationToken cancel)
    {
        var exchange = _exchanges.Rent();
        try
        {
            var count = ResponsesRequest.WritePrompt(request, exchange.Body).IsNone
                ? await TokenCount.AskAsync(_server.Client, _inputTokens, exchange, "input_tokens", cancel).ConfigureAwait(false)
                : -1;
            return count < 0 ? ChatServer.Bound(request) : TokenCount.Exact(count);
        }
        finally
        {
            _exchanges.Return(exchange);
        }
    }

    private static Utf8Slice Name(string model) => new(Encoding.UTF8.GetBytes(model));

    private static string HeadersOf(OpenAiOptions options) =>
        (options.Organization.Length > 0 ? $"openai-organization: {options.Organization}\r\n" : "")
        + (options.Project.Length > 0 ? $"openai-project: {options.Project}\r\n" : "");
}
