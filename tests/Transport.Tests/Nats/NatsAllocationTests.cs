using Jesus.Tests.Faults;
using Jesus.Tests.Nats;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

[Collection(Alone.Name)]
public sealed class NatsAllocationTests
{
    /// <summary>What is allocated once in a while (a ring that grows, a thread's first wait) is less than this for each message.</summary>
    private const double NoiseBytes = 0.5;

    [Fact]
    public async Task Publishing_and_subscribing_allocate_nothing_in_steady_state()
    {
        Alone.SkipUnlessOptimised(typeof(NatsConnection));
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var other = await Client.ConnectAsync(server.Url);
        await using var subscription = other.Subscribe(Client.Subject("steady"));
        await other.FlushAsync();
        var (subject, payload) = (Client.Subject("steady"), new byte[128]);
        var headers = new NatsHeaders().Add("traceparent", "00-1-2-01");
        await Task.Run(() => RoundsAsync(30));
        await AssertNothingAsync("a message", 100 * 200, () => RoundsAsync(100));

        async Task RoundsAsync(int rounds)
        {
            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < 200; i++)
                {
                    var publishing = client.PublishAsync(subject, payload, i % 2 == 0 ? headers : null);
                    _ = publishing.IsCompletedSuccessfully ? publishing.Result : await publishing;
                }

                for (var heard = 0; heard < 200 && await subscription.WaitToReadAsync();)
                {
                    for (; subscription.TryRead(out var message); heard++)
                    {
                        message.Dispose();
                    }
                }
            }
        }
    }

    [Fact]
    public async Task Requests_allocate_nothing_in_steady_state_on_either_side()
    {
        Alone.SkipUnlessOptimised(typeof(NatsConnection));
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var other = await Client.ConnectAsync(server.Url);
        await using var subscription = other.Subscribe(Client.Subject("echo"));
        _ = Task.Run(() => Client.EchoAsync(other, subscription));
        await other.FlushAsync();
        var (subject, payload) = (Client.Subject("echo"), new byte[128]);
        using var cancel = new CancellationTokenSource();
        await Task.Run(() => AskAsync(3_000));
        await AssertNothingAsync("a request", 16 * 2_000, () => AskAsync(2_000));

        async Task AskAsync(int each)
        {
            var askers = new Task[16];
            for (var i = 0; i < askers.Length; i++)
            {
                askers[i] = AskInTurnAsync(each);
            }

            await Task.WhenAll(askers);
        }

        async Task AskInTurnAsync(int times)
        {
            var answered = 0;
            for (var i = 0; i < times; i++)
            {
                using var reply = await client.RequestAsync(subject, payload, Client.Patience, cancel: cancel.Token).ConfigureAwait(false);
                answered += reply.IsOk ? 1 : 0;
            }

            Assert.Equal(times, answered);
        }
    }

    private static async Task AssertNothingAsync(string unit, int count, Func<Task> work)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);

        // Not on the tests' own context, which allocates for each continuation.
        await Task.Run(work);
        var each = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)count;
        TestContext.Current.TestOutputHelper?.WriteLine($"{each:F3} B {unit}");
        Assert.InRange(each, 0, NoiseBytes);
    }
}
