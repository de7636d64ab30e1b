using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Keys;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary><c>/api/v1/keys</c>: GET lists, POST creates, DELETE <c>/{id}</c> revokes. For administrators.</summary>
internal sealed class KeysEndpoints(KeyStore keys, TimeProvider time)
{
    public Task ListAsync(GatewayRequest request) => JsonReply.SendAsync(request.Http, 200, json =>
    {
        json.WriteStartArray("keys"u8);
        foreach (var key in keys.List())
        {
            json.WriteStartObject();
            Write(json, key);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>Body: <c>{"user": NAME, "roles"?: [...], "team"?: NAME, "name"?: TEXT, "days"?: N}</c>.</summary>
    public async Task CreateAsync(GatewayRequest request)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, 16 * 1024);
        using var owned = body;
        KeyRequest? wanted = null;
        if (failure.IsNone)
        {
            (wanted, failure) = Read(body.Bytes);
        }

        if (wanted is null)
        {
            await ErrorReply.SendAsync(request.Http, failure, request.RequestId);
            return;
        }

        var (created, error) = await keys.CreateAsync(wanted, request.Principal);
        await (created is null
            ? ErrorReply.SendAsync(request.Http, ApiFailure.Invalid("invalid_value", error!), request.RequestId)
            : JsonReply.SendAsync(request.Http, 201, json =>
            {
                Write(json, created.Key);
                json.WriteString("secret"u8, created.Secret);
            }));
    }

    public async Task RevokeAsync(GatewayRequest request, string id)
    {
        var error = await keys.RevokeAsync(id, request.Principal);
        await (error is null
            ? JsonReply.SendAsync(request.Http, 200, json => Write(json, keys.Find(id)!))
            : ErrorReply.SendAsync(request.Http, ApiFailure.NotFound("key_not_found", error), request.RequestId));
    }

    private (KeyRequest? Request, ApiFailure Failure) Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            var roles = Roles.Models | Roles.Runs;
            if (root.TryGetProperty("roles"u8, out var list) && !TryRoles(list, out roles))
            {
                return (null, ApiFailure.Invalid("invalid_value", "'roles' must be a list of models, runs, admin.", "roles"));
            }

            DateTimeOffset? expires = root.TryGetProperty("days"u8, out var days) ? time.GetUtcNow().AddDays(days.GetInt32()) : null;
            return (new KeyRequest(Text(root, "name"), Text(root, "user"), Text(root, "team"), roles, expires), default);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentOutOfRangeException)
        {
            return (null, ApiFailure.Invalid("invalid_json", "The body must be {\"user\": text, \"roles\"?: [texts], \"team\"?: text, \"name\"?: text, \"days\"?: number}."));
        }
    }

    private static bool TryRoles(JsonElement list, out Roles roles)
    {
        roles = Roles.None;
        foreach (var item in list.EnumerateArray())
        {
            var role = item.GetString() switch { "models" => Roles.Models, "runs" => Roles.Runs, "admin" => Roles.Admin, _ => Roles.None };
            if (role == Roles.None)
            {
                return false;
            }

            roles |= role;
        }

        return roles != Roles.None;
    }

    private static string Text(JsonElement root, string name) => root.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    private static void Write(Utf8JsonWriter json, ApiKey key)
    {
        json.WriteString("id"u8, key.Id);
        json.WriteString("name"u8, key.Name);
        json.WriteString("user"u8, key.User);
        json.WriteString("team"u8, key.Team);
        json.WriteStartArray("roles"u8);
        foreach (var (role, name) in new[] { (Roles.Models, "models"), (Roles.Runs, "runs"), (Roles.Admin, "admin") })
        {
            if ((key.Roles & role) != 0)
            {
                json.WriteStringValue(name);
            }
        }

        json.WriteEndArray();
        WriteMoment(json, "created_at", key.Created);
        WriteMoment(json, "expires_at", key.Expires);
        WriteMoment(json, "revoked_at", key.Revoked);
    }

    private static void WriteMoment(Utf8JsonWriter json, string name, DateTimeOffset? moment)
    {
        if (moment is { } at)
        {
            json.WriteString(name, at.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        }
    }
}
