using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary><c>GET /v1/models</c> and <c>/v1/models/{id}</c> as Anthropic's clients read them (Anthropic API reference, "Models").</summary>
internal sealed class AnthropicModels(IModelDirectory models)
{
    public Task ListAsync(GatewayRequest request)
    {
        var (page, failure) = PageQuery.Read(request.Http.Request.Query, limitMax: 1000);
        return failure.IsNone ? SendAsync(request, page.Take(models.List(), static model => model.Id)) : ErrorReply.SendAsync(request.Http, failure, request.RequestId);
    }

    public Task GetAsync(GatewayRequest request, string id)
    {
        var model = models.List().FirstOrDefault(m => m.Id == id);
        return model is not null
            ? JsonReply.SendAsync(request.Http, 200, json => Write(json, model))
            : ErrorReply.SendAsync(request.Http, ApiFailure.NotFound("model_not_found", $"model: {id}. GET /v1/models lists those there are."), request.RequestId);
    }

    private static Task SendAsync(GatewayRequest request, Page<ModelListing> page) => JsonReply.SendAsync(request.Http, 200, json =>
    {
        json.WriteStartArray("data"u8);
        foreach (var model in page.Items)
        {
            json.WriteStartObject();
            Write(json, model);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        page.WriteEnds(json, static model => model.Id);
    });

    private static void Write(Utf8JsonWriter json, ModelListing model)
    {
        json.WriteString("type"u8, "model"u8);
        json.WriteString("id"u8, model.Id);
        json.WriteString("display_name"u8, model.Id);
        var created = DateTimeOffset.FromUnixTimeSeconds(model.CreatedUnixSeconds);
        json.WriteString("created_at"u8, created.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        json.WriteNull("capabilities"u8);
        json.WriteNull("deprecated_at"u8);
        json.WriteString("lifecycle"u8, "active"u8);
        json.WriteNull("line"u8);
        if (model.ContextTokens > 0)
        {
            json.WriteNumber("max_input_tokens"u8, model.ContextTokens);
        }
        else
        {
            json.WriteNull("max_input_tokens"u8);
        }

        json.WriteNull("max_tokens"u8);
        json.WriteNull("retires_at"u8);
    }
}
