using Jesus.Appliance.Security;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>The paths of OpenAI's API: what is answered, and clear words for what is not.</summary>
internal sealed class OpenAiApi
{
    private const string ChatPath = "/v1/chat/completions";
    private const string ModelsPath = "/v1/models";

    /// <summary>What OpenAI has besides; nothing here pretends to do it.</summary>
    private static readonly (string Path, string Remedy)[] Unsupported =
    [
        ("/v1/moderations", "No model here classifies content; ask a provider that does."),
        ("/v1/audio", "Speech is not handled here."),
        ("/v1/images", "Images are read by models that take them in chat messages; none are made here."),
        ("/v1/videos", "Videos are not handled here."),
        ("/v1/files", "Send content within the request."),
        ("/v1/uploads", "Send content within the request."),
        ("/v1/batches", "POST /v1/messages/batches and POST /api/v1/runs take work that need not be answered at once."),
        ("/v1/fine_tuning", "Models are not trained here."),
        ("/v1/assistants", "POST /v1/responses and POST /api/v1/runs hold conversations with tools."),
        ("/v1/threads", "POST /v1/responses and POST /api/v1/runs hold conversations with tools."),
        ("/v1/vector_stores", "POST /v1/embeddings gives vectors; keep them in a store of your own."),
        ("/v1/realtime", "Ask for a stream instead."),
        ("/v1/conversations", "Send the conversation, or name the answer before with previous_response_id of POST /v1/responses."),
        ("/v1/evals", "Evaluations are not run through this API."),
        ("/v1/containers", "Tools run where the caller runs them."),
        ("/v1/organization", "GET /metrics and `jesus keys` tell of use and keys."),
    ];

    private readonly ChatEndpoint _chatEndpoint;
    private readonly Func<GatewayRequest, Task> _chat;
    private readonly Func<GatewayRequest, Task> _completions;
    private readonly Func<GatewayRequest, Task> _embeddings;
    private readonly Func<GatewayRequest, Task> _rerank;
    private readonly Func<GatewayRequest, Task> _listModels;
    private readonly ModelsEndpoint _models;

    public OpenAiApi(GatewayParts parts)
    {
        var exchanges = new ChatExchangePool();
        _models = new ModelsEndpoint(parts.ModelDirectory);
        _chatEndpoint = new ChatEndpoint(parts.Models, exchanges, parts.Options, parts.Time);
        _chat = TaskOf(_chatEndpoint);
        _completions = TaskOf(new CompletionsEndpoint(parts.Models, exchanges, parts.Options, parts.Time));
        _embeddings = TaskOf(new EmbeddingsEndpoint(parts.Models, exchanges, parts.Options, parts.Time));
        _rerank = TaskOf(new RerankEndpoint(parts.Models, exchanges, parts.Options, parts.Time));
        _listModels = _models.ListAsync;
    }

    /// <returns>Null when the path is none of this API's.</returns>
    public Task? Route(in GatewayRequest request, string path)
    {
        switch (path)
        {
            case ChatPath:
                return On(request, "POST", _chat);
            case "/v1/completions":
                return On(request, "POST", _completions);
            case "/v1/embeddings":
                return On(request, "POST", _embeddings);
            case "/v1/rerank":
                return On(request, "POST", _rerank);
            case ModelsPath:
                return On(request, "GET", _listModels);
            default:
                return path.StartsWith(ModelsPath + "/", StringComparison.Ordinal) ? Model(request, path[(ModelsPath.Length + 1)..]) : null;
        }
    }

    /// <summary>The busiest path of all takes no table and no task of its own; whatever is unusual about it goes the way of the others.</summary>
    public static bool IsPlainChat(in GatewayRequest request, string path) =>
        path == ChatPath && HttpMethods.IsPost(request.Http.Request.Method) && request.Principal.May(Roles.Models);

    public ValueTask ChatAsync(in GatewayRequest request) => _chatEndpoint.HandleAsync(request);

    private static Func<GatewayRequest, Task> TaskOf(PooledEndpoint endpoint) => request => endpoint.HandleAsync(request).AsTask();

    /// <summary>Says what OpenAI offers and this box does not, whatever the body.</summary>
    /// <returns>Null when the path is none of those.</returns>
    public static Task? Refuse(in GatewayRequest request, string path)
    {
        var method = request.Http.Request.Method;
        if (path.StartsWith(ChatPath, StringComparison.Ordinal) && (path.Length > ChatPath.Length || HttpMethods.IsGet(method)))
        {
            return NotImplemented(request, "Answers are not kept here.");
        }

        foreach (var (known, remedy) in Unsupported)
        {
            if (path.StartsWith(known, StringComparison.Ordinal) && (path.Length == known.Length || path[known.Length] == '/'))
            {
                return NotImplemented(request, remedy);
            }
        }

        return null;
    }

    private Task Model(GatewayRequest request, string id)
    {
        // Names such as provider/model come with their slash escaped, which Kestrel leaves so.
        var name = Uri.UnescapeDataString(id);
        return HttpMethods.IsDelete(request.Http.Request.Method)
            ? NotImplemented(request, "Models are files of the box or a provider's; `jesus models` manages them.")
            : On(request, "GET", r => _models.GetAsync(r, name));
    }

    private static Task NotImplemented(in GatewayRequest request, string remedy)
    {
        var failure = ApiFailure.NotImplemented($"{request.Http.Request.Method} {request.Http.Request.Path}");
        return ErrorReply.SendAsync(request, failure with { Message = $"{failure.Message} {remedy}" });
    }

    private static Task On(in GatewayRequest request, string method, Func<GatewayRequest, Task> endpoint) =>
        request.Http.Request.Method == method ? GatewayApp.Need(request, Roles.Models, endpoint) : GatewayApp.WrongMethod(request, method);
}
