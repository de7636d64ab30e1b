using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary>
/// <c>POST /api/v1/routes/explain</c>: which candidates a call would try, in what order and why, without calling any. Body:
/// <c>{"model", "prompt", "max_tokens", "task", "needs": [...], "data_class", "deadline_ms"}</c>, each optional.
/// </summary>
internal static class RouteExplainEndpoint
{
    private const long BodyBytesMax = 4 * 1024 * 1024;

    public static async Task HandleAsync(GatewayRequest request, Func<ModelCall, RouteExplanation> explain)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, BodyBytesMax);
        using var owned = body;
        var call = new ModelCall { Principal = request.Principal, Api = "explain" };
        failure = failure.IsNone ? Read(body.Bytes, call) : failure;
        await (failure.IsNone
            ? JsonReply.SendAsync(request.Http, 200, json => Write(json, explain(call)))
            : ErrorReply.SendAsync(request.Http, failure, request.RequestId));
    }

    private static ApiFailure Read(ReadOnlyMemory<byte> body, ModelCall call)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (Take(member, call) is { IsNone: false } failure)
                {
                    return failure;
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return ApiFailure.Invalid(
                "invalid_json",
                "The body must be an object with texts 'model', 'prompt', 'task', 'data_class', numbers 'max_tokens' and 'deadline_ms', and a list 'needs'.");
        }

        call.Request.MaxOutputTokens = Math.Max(0, call.Request.MaxOutputTokens);
        return default;
    }

    private static ApiFailure Take(JsonProperty member, ModelCall call)
    {
        switch (member.Name)
        {
            case "model":
                call.RouteName = member.Value.GetString() ?? "";
                return default;
            case "prompt":
                call.Request.Turns.Add(TurnRole.User, call.Request.Text.Copy(member.Value.GetString() ?? ""));
                return default;
            case "max_tokens":
                call.Request.MaxOutputTokens = member.Value.GetInt32();
                return default;
            case "deadline_ms":
                call.Request.Deadline = Deadline.After(TimeProvider.System, TimeSpan.FromMilliseconds(member.Value.GetInt32()));
                return default;
            case "task":
                call.Task = member.Value.GetString() ?? "";
                return default;
            case "data_class":
                return DataClasses.TryParse(member.Value.GetString(), out var data)
                    ? Set(() => call.DataClass = data)
                    : ApiFailure.Invalid("invalid_value", $"data_class is one of {DataClasses.All}.", "data_class");
            case "needs":
                return TakeNeeds(member.Value, call);
            default:
                return ApiFailure.Invalid("unknown_parameter", $"'{member.Name}' is not known here.", member.Name);
        }
    }

    private static ApiFailure TakeNeeds(JsonElement needs, ModelCall call)
    {
        foreach (var need in needs.EnumerateArray())
        {
            var known = AbilityNames.All.FirstOrDefault(a => a.Name == need.GetString());
            if (known.Ability == Abilities.None)
            {
                return ApiFailure.Invalid("invalid_value", $"needs names {string.Join(", ", AbilityNames.All.Select(a => a.Name))}; '{need}' is none of them.", "needs");
            }

            call.AlsoNeeds |= known.Ability;
        }

        return default;
    }

    private static ApiFailure Set(Action set)
    {
        set();
        return default;
    }

    private static void Write(Utf8JsonWriter json, RouteExplanation explanation)
    {
        json.WriteString("asked"u8, explanation.Asked);
        json.WriteString("route"u8, explanation.Route);
        json.WriteString("rule"u8, explanation.Rule);
        json.WriteString("policy"u8, JsonNamingPolicy.SnakeCaseLower.ConvertName(explanation.Options.Policy.ToString()));
        json.WriteString("commit"u8, JsonNamingPolicy.SnakeCaseLower.ConvertName(explanation.Options.Commit.ToString()));
        json.WriteString("needs"u8, AbilityNames.Of(explanation.Needs));
        if (!explanation.Error.IsNone)
        {
            json.WriteString("error"u8, explanation.Error.Message);
            json.WriteString("cause"u8, CauseNames.Of(explanation.Error.Cause));
        }

        json.WriteStartArray("candidates"u8);
        foreach (var candidate in explanation.Candidates)
        {
            json.WriteStartObject();
            Write(json, candidate);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("peers"u8);
        foreach (var peer in explanation.Peers)
        {
            json.WriteStartObject();
            json.WriteString("peer"u8, peer.Peer);
            json.WriteString("model"u8, peer.Model);
            json.WriteNumber("place"u8, peer.Place);
            json.WriteString("why"u8, peer.Why);
            json.WriteNumber("first_token_ms"u8, Math.Round(peer.FirstTokenMs, 1));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, ExplainedCandidate candidate)
    {
        var view = candidate.View;
        json.WriteString("candidate"u8, candidate.Name);
        json.WriteNumber("place"u8, candidate.Place);
        json.WriteString("why"u8, candidate.Why);
        json.WriteNumber("input_tokens"u8, view.InputTokens);
        json.WriteBoolean("input_exact"u8, candidate.CountsExactly);
        json.WriteNumber("output_tokens_max"u8, view.Bound.Usage.OutputTokens);
        json.WriteNumber("context_tokens"u8, candidate.ContextTokens);
        if (view.Price.IsUnknown)
        {
            json.WriteNull("cost_usd_max"u8);
        }
        else
        {
            json.WriteNumber("cost_usd_max"u8, view.Bound.MicroUsd / 1_000_000m);
        }

        json.WriteNumber("rests_ms"u8, candidate.RestsMs);
        json.WriteNumber("failures_in_a_row"u8, candidate.FailuresInARow);
        json.WriteNumber("in_progress"u8, view.InProgress);
        json.WriteNumber("slots"u8, view.Slots);
        json.WriteNumber("measured"u8, view.Speed.Samples);
        json.WriteNumber("first_token_ms"u8, Math.Round(view.Speed.FirstTokenMs, 1));
        json.WriteNumber("tokens_per_second"u8, Math.Round(view.Speed.TokensPerSecond, 1));
    }
}
