using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary><c>GET /v1/models</c> and <c>/v1/models/{id}</c> (OpenAI API reference, "Models").</summary>
internal sealed class ModelsEndpoint(IModelDirectory models)
{
    public Task ListAsync(GatewayRequest request) => JsonReply.SendAsync(request.Http, 200, json =>
    {
        json.WriteString("object"u8, "list"u8);
        json.WriteStartArray("data"u8);
        foreach (var model in models.List())
        {
            json.WriteStartObject();
            Write(json, model);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    public Task GetAsync(GatewayRequest request, string id)
    {
        var model = models.List().FirstOrDefault(m => m.Id == id);
        return model is not null
            ? JsonReply.SendAsync(request.Http, 200, json => Write(json, model))
            : ErrorReply.SendAsync(request.Http,
                ApiFailure.NotFound("model_not_found", $"There is no model '{id}' here. GET /v1/models lists those there are."), request.RequestId);
    }

    private static void Write(Utf8JsonWriter json, ModelListing model)
    {
        json.WriteString("id"u8, model.Id);
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, model.CreatedUnixSeconds);
        json.WriteString("owned_by"u8, model.OwnedBy);
        ModelAbilities.Write(json, model);
    }
}
