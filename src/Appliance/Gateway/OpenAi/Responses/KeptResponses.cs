using System.Globalization;
using Jesus.Appliance.Responses;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// <c>GET</c> and <c>DELETE /v1/responses/{id}</c>, <c>POST .../cancel</c> and <c>GET .../input_items</c>. Another principal's response is not found, like one
/// that never was.
/// </summary>
internal sealed class KeptResponses(ResponseStore store, BackgroundResponses background, GatewayOptions limits)
{
    public Task GetAsync(GatewayRequest request, string id)
    {
        if (store.Find(id, request.Principal.Id) is not { } found)
        {
            return NotFound(request, id);
        }

        return request.Http.Request.Query["stream"] == "true" ? ReplayAsync(request, id) : SendAsync(request, found);
    }

    public async Task DeleteAsync(GatewayRequest request, string id)
    {
        if (store.Find(id, request.Principal.Id) is { Ended: false } && background.Find(id) is { } running)
        {
            // What it still writes must not bring it back: it ends first.
            running.Cancel();
            await running.Ended.WaitAsync(request.Aborted);
        }

        if (!await store.DropAsync(id, request.Principal.Id))
        {
            await NotFound(request, id);
            return;
        }

        background.Forget(id);
        await JsonReply.SendAsync(request.Http, 200, json =>
        {
            json.WriteString("id"u8, id);
            json.WriteString("object"u8, "response"u8);
            json.WriteBoolean("deleted"u8, true);
        });
    }

    public async Task CancelAsync(GatewayRequest request, string id)
    {
        if (store.Find(id, request.Principal.Id) is not { } found)
        {
            await NotFound(request, id);
            return;
        }

        if (!found.Background)
        {
            await ErrorReply.SendAsync(request, ApiFailure.Invalid("invalid_parameter",
                $"Response '{id}' cannot be cancelled: only those made with 'background' true can. Close the connection of any other."));
            return;
        }

        if (!found.Ended && background.Find(id) is { } running)
        {
            running.Cancel();
            await running.Ended.WaitAsync(request.Aborted);
            found = store.Find(id, request.Principal.Id) ?? found;
        }

        await SendAsync(request, found);
    }

    /// <summary>The items given with the request itself, the latest first unless asked otherwise.</summary>
    public Task InputItemsAsync(GatewayRequest request, string id)
    {
        if (store.Find(id, request.Principal.Id) is not { } found)
        {
            return NotFound(request, id);
        }

        var query = request.Http.Request.Query;
        var limit = 20;
        if (query["limit"] is { Count: > 0 } given && (!int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > 100))
        {
            return ErrorReply.SendAsync(request, ApiFailure.Invalid("invalid_value", "'limit' must be an integer between 1 and 100.", "limit"));
        }

        if (query["order"] is { Count: > 0 } order && order != "asc" && order != "desc")
        {
            return ErrorReply.SendAsync(request, ApiFailure.Invalid("invalid_value", "'order' must be asc or desc.", "order"));
        }

        var items = StoredItems.List(found.Input, id).ToList();
        if (query["order"] != "asc")
        {
            items.Reverse();
        }

        var from = 0;
        if (query["after"] is { Count: > 0 } after)
        {
            from = items.FindIndex(i => i.Id == after) + 1;
            if (from == 0)
            {
                return ErrorReply.SendAsync(request, ApiFailure.Invalid("invalid_value", $"'after' names no item of response '{id}'.", "after"));
            }
        }

        var page = items.Skip(from).Take(limit).ToList();
        return JsonReply.SendAsync(request.Http, 200, json =>
        {
            json.WriteString("object"u8, "list"u8);
            json.WriteStartArray("data"u8);
            foreach (var (itemId, item, type) in page)
            {
                StoredItems.Write(json, itemId, item, type);
            }

            json.WriteEndArray();
            json.WriteString("first_id"u8, page.Count > 0 ? page[0].Id : null);
            json.WriteString("last_id"u8, page.Count > 0 ? page[^1].Id : null);
            json.WriteBoolean("has_more"u8, from + page.Count < items.Count);
        });
    }

    /// <summary>Sends the events of a response in the background from a number on, and goes on as they come.</summary>
    public async Task FollowAsync(GatewayRequest request, BackgroundResponse response, long from)
    {
        HttpEvents.WriteHead(request);
        var to = request.Http.Response.BodyWriter;
        while (true)
        {
            for (; response.Log.At(from) is { } item; from++)
            {
                item.CopyTo(to.GetSpan(item.Length));
                to.Advance(item.Length);
            }

            _ = await to.FlushAsync(request.Aborted);
            try
            {
                if (!await response.Log.WaitAsync(from, TimeSpan.FromSeconds(limits.HeartbeatSeconds), request.Aborted))
                {
                    break;
                }
            }
            catch (TimeoutException)
            {
                Put(to, ": waiting\n\n"u8);
            }
        }

        if (response.Log.Overflowed)
        {
            Put(to, "event: error\n"u8);
            Put(to, "data: {\"type\":\"error\",\"code\":\"stream_too_long\",\"message\":\"The answer is too long to be followed. Get it without 'stream'.\",\"param\":null}\n\n"u8);
            _ = await to.FlushAsync(request.Aborted);
        }
    }

    private Task ReplayAsync(GatewayRequest request, string id)
    {
        long after = -1;
        var given = request.Http.Request.Query["starting_after"];
        if (given.Count > 0 && (!long.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out after) || after > int.MaxValue))
        {
            return ErrorReply.SendAsync(request, ApiFailure.Invalid("invalid_value", "'starting_after' must be the sequence number of an event.", "starting_after"));
        }

        return background.Find(id) is { } response ? FollowAsync(request, response, after + 1)
            : ErrorReply.SendAsync(request, ApiFailure.Invalid("invalid_parameter",
                $"Response '{id}' cannot be streamed: only those made with 'background' true can be, until some minutes after their end. Get it without 'stream'.", "stream"));
    }

    /// <summary>The response as it stands: kept, being made, or never finished.</summary>
    private async Task SendAsync(GatewayRequest request, StoredResponse found)
    {
        AnswerHeaders.WriteTime(request);
        await JsonReply.SendAsync(request.Http, 200, Stand(found));
    }

    private ReadOnlyMemory<byte> Stand(StoredResponse found)
    {
        if (found.Ended)
        {
            return found.Response;
        }

        if (background.Find(found.Id) is { EndedAt: null } running)
        {
            return StoredItems.WithStatus(found.Response, running.Status, null);
        }

        // It may have ended since it was read.
        return store.Find(found.Id, found.Owner) is { Ended: true } ended
            ? ended.Response : StoredItems.WithStatus(found.Response, ResponseStatus.Failed, BackgroundResponse.Interrupted);
    }

    private static void Put(System.IO.Pipelines.PipeWriter to, ReadOnlySpan<byte> text)
    {
        text.CopyTo(to.GetSpan(text.Length));
        to.Advance(text.Length);
    }

    private static Task NotFound(in GatewayRequest request, string id) => ErrorReply.SendAsync(request, ApiFailure.NotFound("response_not_found",
        $"Response with id '{id}' not found: it was not kept (store), was deleted, is older than the retention, or belongs to somebody else."));
}
