using Jesus.Appliance.Gateway.Anthropic.Batches;
using Jesus.Appliance.Security;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>The paths of Anthropic's API.</summary>
internal sealed class AnthropicApi(GatewayParts parts)
{
    private const string MessagesPath = "/v1/messages";
    private const string ModelsPath = "/v1/models";

    private readonly MessagesEndpoint _messages = new(parts.Models, parts.Options, parts.Time);
    private readonly AnthropicModels _models = new(parts.ModelDirectory);
    private readonly BatchEndpoints? _batches = parts.Batches is null ? null : new BatchEndpoints(parts.Batches, parts.Options, parts.Time);

    /// <summary>The caller expects Anthropic's shapes: by the path, or by the version header where OpenAI's API has the same path.</summary>
    public static bool Speaks(HttpRequest request) => request.Path.StartsWithSegments(MessagesPath, StringComparison.Ordinal)
        || (request.Path.StartsWithSegments(ModelsPath, StringComparison.Ordinal) && AnthropicHeaders.AreGiven(request));

    /// <returns>Null when the path is none of this API's.</returns>
    public Task? Route(GatewayRequest request, string path)
    {
        if (!Speaks(request.Http.Request))
        {
            return null;
        }

        if (AnthropicHeaders.Check(request.Http.Request) is { IsNone: false } wrong)
        {
            return ErrorReply.SendAsync(request.Http, wrong, request.RequestId);
        }

        return request.Principal.May(Roles.Models) ? Endpoint(request, path) : GatewayApp.Need(request, Roles.Models, _messages.CreateAsync);
    }

    private Task? Endpoint(GatewayRequest request, string path) => path switch
    {
        MessagesPath => On(request, "POST", _messages.CreateAsync),
        MessagesPath + "/count_tokens" => On(request, "POST", _messages.CountTokensAsync),
        ModelsPath => On(request, "GET", _models.ListAsync),
        _ when path.StartsWith(ModelsPath + "/", StringComparison.Ordinal) => On(request, "GET", r => _models.GetAsync(r, path[(ModelsPath.Length + 1)..])),
        BatchEndpoints.Path => _batches?.Route(request, ""),
        _ when path.StartsWith(BatchEndpoints.Path + "/", StringComparison.Ordinal) => _batches?.Route(request, path[BatchEndpoints.Path.Length..]),
        _ => null,
    };

    private static Task On(GatewayRequest request, string method, Func<GatewayRequest, Task> endpoint) =>
        request.Http.Request.Method == method ? endpoint(request) : GatewayApp.WrongMethod(request, method);
}
