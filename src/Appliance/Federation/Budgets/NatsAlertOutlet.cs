using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Budgets;
using Jesus.Transport.Nats;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>
/// Publishes alerts of budgets on <c>jesus.C.alert.P</c>, as the JSON that the webhook posts. Taken means that the NATS server has it: whoever subscribes then hears it,
/// nobody else. The alert's id, also in the header <c>Jesus-Alert-Id</c>, is the same when it is sent again.
/// </summary>
internal sealed class NatsAlertOutlet(NatsConnection connection, string cluster, string peer) : IAlertOutlet
{
    /// <summary>A server's restart; after that the alert is sent again at the next start.</summary>
    private static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(30);

    private readonly NatsSubject _subject = NatsSubject.Parse($"jesus.{cluster}.alert.{peer}");

    public string Name => $"NATS {_subject}";

    public async ValueTask<string?> SendAsync(BudgetAlert alert, CancellationToken cancel)
    {
        if (!await connection.WaitConnectedAsync(ConnectWithin, cancel).ConfigureAwait(false))
        {
            return $"not connected within {ConnectWithin.TotalSeconds} s";
        }

        var sent = await connection.PublishAsync(_subject, BodyOf(alert), new NatsHeaders().Add("Jesus-Alert-Id", alert.Id), cancel: cancel).ConfigureAwait(false);
        sent = sent == NatsResult.Ok ? await connection.FlushAsync(cancel).ConfigureAwait(false) : sent;
        return sent == NatsResult.Ok ? null : $"it was not sent: {sent}";
    }

    private static ReadOnlyMemory<byte> BodyOf(BudgetAlert alert)
    {
        var body = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        alert.Write(json);
        json.WriteEndObject();
        json.Flush();
        return body.WrittenMemory;
    }
}
