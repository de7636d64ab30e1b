using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

/// <summary>Short forms for tests of the client. Times only end a hang: the machine may be busy.</summary>
internal static class Client
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Every limit of time far away, reconnects quick; a test sets what it is about.</summary>
    public static NatsOptions Options(params string[] urls) => new()
    {
        Urls = urls,
        InboxPrefix = "_INBOX.jesus.test",
        ConnectTimeoutMs = 60_000,
        HandshakeTimeoutMs = 60_000,
        ReconnectDelayMinMs = 5,
        ReconnectDelayMaxMs = 50,
        PingIntervalMs = 30_000,
        DrainTimeoutMs = 60_000,
        Seed = 7,
    };

    public static string UrlOf(int port) => string.Create(CultureInfo.InvariantCulture, $"nats://127.0.0.1:{port}");

    /// <summary>Started, not necessarily connected.</summary>
    public static NatsConnection Start(NatsOptions options, INatsObserver? observer = null)
    {
        var connection = new NatsConnection(options, TcpNetwork.Instance, TimeProvider.System, observer);
        connection.Start();
        return connection;
    }

    public static async Task<NatsConnection> ConnectAsync(NatsOptions options, INatsObserver? observer = null)
    {
        var connection = Start(options, observer);
        Assert.True(await connection.WaitConnectedAsync(Patience, default), "not connected in time");
        return connection;
    }

    public static Task<NatsConnection> ConnectAsync(string url) => ConnectAsync(Options(url));

    public static NatsSubject Subject(string text) => NatsSubject.Parse(text);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    public static async Task<NatsMessage> NextAsync(NatsSubscription subscription)
    {
        using var limit = new CancellationTokenSource(Patience);
        NatsMessage message;
        while (!subscription.TryRead(out message))
        {
            Assert.True(await subscription.WaitToReadAsync(limit.Token), "the subscription has ended");
        }

        return message;
    }

    public static async Task<string> NextTextAsync(NatsSubscription subscription)
    {
        using var message = await NextAsync(subscription);
        return Text(message.Payload);
    }

    /// <summary>Answers each message with its own payload, until the subscription ends.</summary>
    public static async Task EchoAsync(NatsConnection connection, NatsSubscription subscription)
    {
        while (await subscription.WaitToReadAsync())
        {
            while (subscription.TryRead(out var message))
            {
                using (message)
                {
                    await connection.PublishAsync(message.ReplyTo, message.Payload);
                }
            }
        }
    }

    public static Task<string> AskAsync(NatsConnection connection, string subject, string payload) => AskAsync(connection, subject, Bytes(payload));

    public static async Task<string> AskAsync(NatsConnection connection, string subject, byte[] payload)
    {
        using var reply = await connection.RequestAsync(Subject(subject), payload, Patience);
        return reply.IsOk ? Text(reply.Message.Payload) : reply.Status.ToString();
    }

    public static async Task EventuallyAsync(Func<bool> happened, string what)
    {
        for (var waited = TimeSpan.Zero; !happened(); waited += TimeSpan.FromMilliseconds(10))
        {
            Assert.True(waited < Patience, "never " + what);
            await Task.Delay(10);
        }
    }
}

/// <summary>Remembers what it was told.</summary>
internal sealed class Witness : INatsObserver
{
    private readonly ConcurrentQueue<NatsEvent> _events = new();

    public IReadOnlyList<NatsEvent> All => [.. _events];

    public void Observe(in NatsEvent what) => _events.Enqueue(what);

    public int Count(NatsEventKind kind) => All.Count(e => e.Kind == kind);

    public Task HearsAsync(NatsEventKind kind, int times = 1) => Client.EventuallyAsync(() => Count(kind) >= times, $"told of {kind}; told of {string.Join(", ", All)}");
}
