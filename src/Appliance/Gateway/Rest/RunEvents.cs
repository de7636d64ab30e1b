using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Runner.Views;
using Jesus.Transport.Sse;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary>
/// A run's events as server-sent events (WHATWG HTML, "Server-sent events"): <c>id</c> is the sequence to resume after, <c>event</c> the type,
/// <c>data</c> the <see cref="RunEventView"/>. A comment goes out when nothing happened for a while, so that proxies keep the connection.
/// </summary>
internal static class RunEvents
{
    public static async Task WriteAsync(HttpContext http, IAsyncEnumerable<RunEventView> events, TimeSpan heartbeat, TimeProvider time, CancellationToken cancel)
    {
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        await http.Response.StartAsync(cancel);
        _ = await http.Response.BodyWriter.FlushAsync(cancel);
        await using var source = events.GetAsyncEnumerator(cancel);
        var next = source.MoveNextAsync().AsTask();
        while (true)
        {
            if (!await ArrivesWithin(next, heartbeat, time))
            {
                SseWriter.WriteComment(http.Response.BodyWriter, "nothing new"u8);
            }
            else if (await next)
            {
                Write(http.Response, source.Current);
                next = source.MoveNextAsync().AsTask();
            }
            else
            {
                return;
            }

            _ = await http.Response.BodyWriter.FlushAsync(cancel);
        }
    }

    private static async ValueTask<bool> ArrivesWithin(Task<bool> next, TimeSpan limit, TimeProvider time)
    {
        if (next.IsCompleted)
        {
            return true;
        }

        using var waited = new CancellationTokenSource();
        var first = await Task.WhenAny(next, Task.Delay(limit, time, waited.Token));
        await waited.CancelAsync();
        return first == next;
    }

    private static void Write(HttpResponse response, RunEventView item)
    {
        var writer = response.BodyWriter;
        _ = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"id: {item.Sequence}\nevent: {item.Type}\ndata: "), writer);
        using (var json = new Utf8JsonWriter(writer))
        {
            JsonSerializer.Serialize(json, item, RunJson.Default.RunEventView);
        }

        writer.Write("\n\n"u8);
    }
}
