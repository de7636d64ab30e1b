using System.Text.Json;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary>
/// <c>GET /api/v1/models</c>; for administrators <c>POST /api/v1/models</c>, <c>POST /api/v1/models/NAME/load</c> and <c>/unload</c>, <c>DELETE /api/v1/models/NAME</c>.
/// </summary>
internal sealed class ModelsEndpoints(IModelDirectory models)
{
    public const string Path = "/api/v1/models";
    private const string Load = "/load";
    private const string Unload = "/unload";

    /// <summary>A body is one or two short members.</summary>
    private const int BodyBytesMax = 4096;

    /// <summary>A day: who drains longer means never.</summary>
    private const double DrainSecondsMax = 86_400;

    /// <summary>Null where the path is none of these.</summary>
    public Task? Route(GatewayRequest request, string path)
    {
        var method = request.Http.Request.Method;
        if (path == Path)
        {
            return method switch
            {
                "GET" => GatewayApp.Need(request, Roles.Models, ListAsync),
                "POST" => GatewayApp.Need(request, Roles.Admin, AddAsync),
                _ => GatewayApp.WrongMethod(request, "GET or POST"),
            };
        }

        if (!path.StartsWith(Path + "/", StringComparison.Ordinal))
        {
            return null;
        }

        var rest = path[(Path.Length + 1)..];
        return (method, rest) switch
        {
            ("POST", _) when rest.EndsWith(Load, StringComparison.Ordinal) => GatewayApp.Need(request, Roles.Admin, r => LoadAsync(r, NameOf(rest, Load))),
            ("POST", _) when rest.EndsWith(Unload, StringComparison.Ordinal) => GatewayApp.Need(request, Roles.Admin, r => UnloadAsync(r, NameOf(rest, Unload))),
            ("DELETE", _) => GatewayApp.Need(request, Roles.Admin, r => RemoveAsync(r, NameOf(rest, ""))),
            _ => GatewayApp.WrongMethod(request, "POST .../load, POST .../unload or DELETE"),
        };
    }

    private static string NameOf(string rest, string verb) => rest[..^verb.Length];

    private Task ListAsync(GatewayRequest request) => JsonReply.SendAsync(request.Http, 200, json =>
    {
        json.WriteString("folder"u8, models.Folder);
        var memory = models.Memory;
        json.WriteStartObject("memory"u8);
        json.WriteNumber("cap_bytes"u8, memory.Cap);
        json.WriteNumber("used_bytes"u8, memory.Used);
        json.WriteEndObject();
        json.WriteStartArray("models"u8);
        foreach (var model in models.List())
        {
            json.WriteStartObject();
            Write(json, model);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static void Write(Utf8JsonWriter json, ModelListing model)
    {
        json.WriteString("id"u8, model.Id);
        json.WriteString("owned_by"u8, model.OwnedBy);
        ModelAbilities.Write(json, model);
        json.WriteString("state"u8, model.State);
        json.WriteNumber("context_tokens"u8, model.ContextTokens);
        json.WriteNumber("bytes"u8, model.Bytes);
        if (model.Residence is { } residence)
        {
            json.WriteNumber("memory_bytes"u8, residence.MemoryBytes);
            json.WriteNumber("calls"u8, residence.Calls);
            json.WriteBoolean("pinned"u8, residence.IsPinned);
            if (residence.IdleFor is { } idle)
            {
                json.WriteNumber("idle_seconds"u8, Math.Round(idle.TotalSeconds, 1));
            }
        }

        if (model.Detail.Length > 0)
        {
            json.WriteString("detail"u8, model.Detail);
        }
    }

    /// <summary>Body <c>{"name": NAME}</c>: a file of that name was put into the models folder.</summary>
    private async Task AddAsync(GatewayRequest request)
    {
        var (body, failure) = await ReadAsync(request);
        if (!failure.IsNone || body.Name is not { } name)
        {
            await Fail(request, failure.IsNone ? ApiFailure.Invalid("invalid_json", "The body must be {\"name\": text}.", "name") : failure);
            return;
        }

        var problem = await models.RescanAsync(name, request.Aborted);
        await (problem is null
            ? JsonReply.SendAsync(request.Http, 200, json => json.WriteString("id"u8, name))
            : Fail(request, new ApiFailure(422, ApiFailure.InvalidRequest, "model_not_added", problem)));
    }

    /// <summary>Body none, or <c>{"pin": true}</c>.</summary>
    private async Task LoadAsync(GatewayRequest request, string name)
    {
        var (body, failure) = await ReadAsync(request);
        await (failure.IsNone ? AnswerAsync(request, name, await models.LoadAsync(name, body.Pin, request.Aborted)) : Fail(request, failure));
    }

    /// <summary>Body none, or <c>{"drain_seconds": N}</c>.</summary>
    private async Task UnloadAsync(GatewayRequest request, string name)
    {
        var (body, failure) = await ReadAsync(request);
        await (failure.IsNone ? AnswerAsync(request, name, await models.UnloadAsync(name, body.Drain, request.Aborted)) : Fail(request, failure));
    }

    /// <summary>As <see cref="UnloadAsync"/>.</summary>
    private async Task RemoveAsync(GatewayRequest request, string name)
    {
        var (body, failure) = await ReadAsync(request);
        await (failure.IsNone ? AnswerAsync(request, name, await models.RemoveAsync(name, body.Drain, request.Aborted)) : Fail(request, failure));
    }

    private static Task AnswerAsync(GatewayRequest request, string name, ModelOrder order) => order.Code switch
    {
        ModelOrderCode.Done => JsonReply.SendAsync(request.Http, 200, json =>
        {
            json.WriteString("id"u8, name);
            json.WriteString("detail"u8, order.Message);
        }),
        ModelOrderCode.NotFound => Fail(request, ApiFailure.NotFound("model_not_found", order.Message)),
        ModelOrderCode.Conflict => Fail(request, new ApiFailure(409, ApiFailure.InvalidRequest, "conflict", order.Message)),
        ModelOrderCode.Busy => Fail(request, new ApiFailure(503, "server_error", "overloaded", order.Message)),
        _ => Fail(request, new ApiFailure(422, ApiFailure.InvalidRequest, "model_order_failed", order.Message)),
    };

    private readonly record struct Order(string? Name, bool Pin, TimeSpan? Drain);

    private static async Task<(Order Order, ApiFailure Failure)> ReadAsync(GatewayRequest request)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, BodyBytesMax);
        using var owned = body;
        return failure.IsNone ? Read(body.Bytes) : (default, failure);
    }

    private static (Order Order, ApiFailure Failure) Read(ReadOnlyMemory<byte> body)
    {
        if (body.Length == 0)
        {
            return default;
        }

        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            var name = root.TryGetProperty("name"u8, out var text) ? text.GetString() : null;
            var pin = root.TryGetProperty("pin"u8, out var flag) && flag.GetBoolean();
            double? drain = root.TryGetProperty("drain_seconds"u8, out var seconds) ? seconds.GetDouble() : null;
            return drain is < 0 or > DrainSecondsMax
                ? (default, ApiFailure.Invalid("invalid_value", "'drain_seconds' must be a number from 0 to 86400.", "drain_seconds"))
                : (new Order(name, pin, drain is { } known ? TimeSpan.FromSeconds(known) : null), default);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return (default, ApiFailure.Invalid("invalid_json", "The body must be {\"name\"?: text, \"pin\"?: boolean, \"drain_seconds\"?: number}."));
        }
    }

    private static Task Fail(GatewayRequest request, ApiFailure failure) => ErrorReply.SendAsync(request.Http, failure, request.RequestId);
}
