using System.Diagnostics;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Bench.Nats;

/// <summary>The client under measurement: one connection that publishes and asks, one that subscribes and answers, in one process.</summary>
internal sealed class OurClient : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly NatsSubject Nobody = NatsSubject.Parse("bench.none");
    private static readonly NatsSubject Question = NatsSubject.Parse("bench.q");
    private static readonly NatsSubject Flooded = NatsSubject.Parse("bench");
    private readonly byte[] _payload = new byte[RawSockets.PayloadBytes];
    private readonly uint[] _latencies = new uint[4 * 1024 * 1024];
    private readonly NatsConnection _asker;
    private readonly NatsConnection _answerer;
    private int _answers;

    private OurClient(string url)
    {
        _payload.AsSpan().Fill((byte)'x');
        var options = new NatsOptions { Urls = [url] };
        _asker = new NatsConnection(options, TcpNetwork.Instance, TimeProvider.System);
        _answerer = new NatsConnection(options, TcpNetwork.Instance, TimeProvider.System);
    }

    public static async Task<OurClient> ConnectAsync(string url)
    {
        var client = new OurClient(url);
        foreach (var connection in new[] { client._asker, client._answerer })
        {
            connection.Start();
            Require(await connection.WaitConnectedAsync(Patience, CancellationToken.None), "no connection to the bench's server");
        }

        return client;
    }

    public async Task<Figures> PublishAsync(int messages)
    {
        var meter = Meter.Start();
        for (var i = 0; i < messages; i++)
        {
            Require(await _asker.PublishAsync(Nobody, _payload) == NatsResult.Ok, "a message was not published");
        }

        Require(await _asker.FlushAsync() == NatsResult.Ok, "the server did not take what was published");
        return meter.Stop(messages);
    }

    /// <summary>Counts messages that somebody else publishes, from the first to the last.</summary>
    public async Task<Figures> SubscribeAsync(int messages, Action<int> flood)
    {
        var all = new NatsSubscriptionOptions { PendingMessagesMax = messages, PendingBytesMax = long.MaxValue };
        await using var subscription = _answerer.Subscribe(Flooded, options: all);
        Require(await _answerer.FlushAsync() == NatsResult.Ok, "no subscription");
        var flooding = Task.Run(() => flood(messages));
        var meter = default(Meter);
        for (var got = 0; got < messages;)
        {
            Require(await subscription.WaitToReadAsync(), "the subscription ended");
            meter = got == 0 ? Meter.Start() : meter;
            while (subscription.TryRead(out var message))
            {
                message.Dispose();
                got++;
            }
        }

        var figures = meter.Stop(messages);
        Require(subscription.Dropped == 0, "messages were dropped");
        await flooding;
        return figures;
    }

    /// <summary>Asks with so many requests under way, each answered by the other connection.</summary>
    public async Task<Figures> RequestAsync(int outstanding, double seconds)
    {
        await using var questions = _answerer.Subscribe(Question);
        Require(await _answerer.FlushAsync() == NatsResult.Ok, "no subscription");
        var answering = AnswerAsync(questions);
        _answers = 0;
        var asking = new Task[outstanding];
        var gate = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 0; i < outstanding; i++)
        {
            asking[i] = AskAsync(gate.Task);
        }

        var all = Task.WhenAll(asking);
        var meter = Meter.Start();
        gate.SetResult(Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency));
        await all;
        var figures = meter.Stop(_answers);
        await questions.UnsubscribeAsync();
        await answering;
        var kept = _latencies.AsSpan(0, Math.Min(_answers, _latencies.Length));
        kept.Sort();
        return figures with { P50Us = kept[kept.Length / 2] / 1e3, P99Us = kept[(int)(kept.Length * 0.99)] / 1e3 };
    }

    public async ValueTask DisposeAsync()
    {
        await _asker.DisposeAsync();
        await _answerer.DisposeAsync();
    }

    // Waits for the gate first: so the loops themselves are not counted as allocated for their requests.
    private async Task AskAsync(Task<long> gate)
    {
        var until = await gate;
        for (var begun = Stopwatch.GetTimestamp(); begun < until;)
        {
            using (var reply = await _asker.RequestAsync(Question, _payload, Patience))
            {
                Require(reply.Status == NatsReplyStatus.Ok, "a request was not answered");
            }

            var now = Stopwatch.GetTimestamp();
            var place = Interlocked.Increment(ref _answers) - 1;
            if (place < _latencies.Length)
            {
                _latencies[place] = (uint)Math.Min(uint.MaxValue, Stopwatch.GetElapsedTime(begun, now).TotalNanoseconds);
            }

            begun = now;
        }
    }

    private async Task AnswerAsync(NatsSubscription questions)
    {
        while (await questions.WaitToReadAsync())
        {
            while (questions.TryRead(out var message))
            {
                using (message)
                {
                    Require(await _answerer.PublishAsync(message.ReplyTo, message.Payload) == NatsResult.Ok, "an answer was not sent");
                }
            }
        }
    }

    private static void Require(bool condition, string problem)
    {
        if (!condition)
        {
            throw new InvalidOperationException(problem);
        }
    }
}
