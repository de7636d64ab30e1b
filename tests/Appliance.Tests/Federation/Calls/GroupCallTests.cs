using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;
using Jesus.Tests.Nats;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Calls;

/// <summary>The group <c>jesus.C.infer.M</c>, asked by a client that knows no box by name: plain NATS and the messages, nothing of the daemon's own calls.</summary>
public sealed class GroupCallTests
{
    private const string Inbox = "_INBOX.jesus.q.any";

    [Fact]
    public async Task One_box_of_those_that_offer_the_model_answers_each_call_whole_and_says_who_it_is()
    {
        await using var server = await NatsServer.StartAsync();
        await using var b = CallBox.Start("b", server.Url, Engine("b"), Local());
        await using var c = CallBox.Start("c", server.Url, Engine("c"), Local());
        await using var caller = await GroupCaller.EnterAsync(server);
        await caller.UntilAnsweredByAsync("b", "c");
        var before = b.Asked.Count + c.Asked.Count;
        for (var i = 0; i < 20; i++)
        {
            var (peer, events) = await caller.AskAsync();
            Assert.Equal((InferEventKind.Accepted, InferEventKind.Ended), (events[0].Kind, events[^1].Kind));
            Assert.All(events[1..^1], item => Assert.Equal(InferEventKind.Item, item.Kind));
            Assert.Equal(Enumerable.Range(1, events.Count).Select(n => (long)n), events.Select(e => e.Sequence));
            Assert.Equal(peer, string.Concat(events.Select(e => Encoding.UTF8.GetString(e.Utf8.Span))));
        }

        Assert.Equal(20, b.Asked.Count + c.Asked.Count - before);
        Assert.All(b.Asked.Concat(c.Asked), asked => Assert.Equal("peer:q", asked.Who.Id));
    }

    [Fact]
    public async Task A_box_that_drains_or_offers_the_model_no_more_leaves_the_group_to_the_others()
    {
        await using var server = await NatsServer.StartAsync();
        await using var b = CallBox.Start("b", server.Url, Engine("b"), Local());
        await using var c = CallBox.Start("c", server.Url, Engine("c"), Local());
        await using var caller = await GroupCaller.EnterAsync(server);
        await caller.UntilAnsweredByAsync("b", "c");
        b.Server.Drain();
        await caller.UntilAsync(async () => (await caller.AskTimesAsync(20)).All(answer => answer.Peer == "c"));
        c.Box.Models = [];

        // Nobody is left: the server says so at once.
        await caller.UntilAsync(async () => (await caller.AskAsync()).Peer == "503");
    }

    [Fact]
    public async Task Whoever_is_named_by_the_first_event_takes_credit_and_a_cancel()
    {
        await using var server = await NatsServer.StartAsync();
        var (written, ended) = (0, 0);
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(async (_, sink, cancel) =>
        {
            try
            {
                for (; ; written++)
                {
                    await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "x"u8.ToArray() });
                    cancel.ThrowIfCancellationRequested();
                }
            }
            finally
            {
                ended++;
            }
        }), Local());
        await using var caller = await GroupCaller.EnterAsync(server);
        var peer = "503";
        for (var stream = 0UL; peer == "503"; await Task.Delay(20))
        {
            peer = await caller.BeginAsync(++stream, credit: 4);
        }

        await TestBox.EventuallyAsync(() => written >= 3, () => $"{written} events");
        await Task.Delay(200);
        Assert.InRange(written, 3, 4);
        await caller.CreditAsync(peer, 20);
        await TestBox.EventuallyAsync(() => written >= 19, () => $"{written} events");
        await caller.CancelAsync(peer);
        await TestBox.EventuallyAsync(() => ended == 1, () => "the engine goes on");
    }

    private static FakeAdapter Engine(string name) => CallBox.Engine((_, sink, _) => FakeAdapter.SayAsync(sink, name));

    private static RouteOptions Local() => new() { Candidates = [new RouteCandidateOptions("local", "m")], Retries = 0 };

    /// <summary>A client called <c>q</c>.</summary>
    private sealed class GroupCaller : IAsyncDisposable
    {
        private readonly RawNats _raw;
        private ulong _stream;

        private GroupCaller(RawNats raw) => _raw = raw;

        public static async Task<GroupCaller> EnterAsync(NatsServer server)
        {
            var raw = await RawNats.ConnectAsync(server.Port);
            await raw.SubscribeAsync("_INBOX.jesus.q.>");
            return new GroupCaller(raw);
        }

        /// <summary>Who answered, and all that it said; <c>503</c> where nobody listens.</summary>
        public async Task<(string Peer, List<InferEvent> Events)> AskAsync()
        {
            var peer = await BeginAsync(_stream + 1, credit: 64);
            var events = new List<InferEvent>(_first is null ? [] : [_first]);
            while (events.Count > 0 && events[^1].Kind is not (InferEventKind.Ended or InferEventKind.Refused))
            {
                events.Add(Event(await NextAsync()));
            }

            return (peer, events);
        }

        public async Task<List<(string Peer, List<InferEvent> Events)>> AskTimesAsync(int times)
        {
            var answers = new List<(string Peer, List<InferEvent> Events)>();
            for (var i = 0; i < times; i++)
            {
                answers.Add(await AskAsync());
            }

            return answers;
        }

        /// <summary>Asks; who takes the call.</summary>
        public async Task<string> BeginAsync(ulong stream, long credit)
        {
            _stream = stream;
            var request = new InferRequest { Stream = stream, Credit = credit };
            request.Visited.Add(new Utf8Slice("q"u8.ToArray()));
            request.Ask.Model = new Utf8Slice("m"u8.ToArray());
            request.Ask.Turns.Add(TurnRole.User, new Utf8Slice("who are you?"u8.ToArray()));
            await SendAsync("jesus.lab.infer.m.q", $"{Inbox}.{stream}", Bytes((ref WireWriter writer) => request.Write(ref writer)));
            var message = await NextAsync();
            var head = message[..HeaderLengthOf(message)];
            _first = head.Contains("503", StringComparison.Ordinal) ? null : Event(message);
            return _first is null ? "503" : head.Split("Jesus-Peer: ")[1].Split('\r')[0];
        }

        public Task CreditAsync(string peer, long upTo)
        {
            var credit = new StreamCredit { Stream = _stream, UpTo = upTo };
            return SendAsync($"jesus.lab.peer.{peer}.credit.q", "", Bytes((ref WireWriter writer) => credit.Write(ref writer)));
        }

        public Task CancelAsync(string peer)
        {
            var cancel = new StreamCancel { Stream = _stream };
            return SendAsync($"jesus.lab.peer.{peer}.cancel.q", "", Bytes((ref WireWriter writer) => cancel.Write(ref writer)));
        }

        public Task UntilAnsweredByAsync(params string[] peers)
        {
            var seen = new HashSet<string>();
            return UntilAsync(async () => seen.Add((await AskAsync()).Peer) && seen.IsSupersetOf(peers) || seen.IsSupersetOf(peers));
        }

        /// <summary>The limit only ends a hang.</summary>
        public async Task UntilAsync(Func<Task<bool>> happened)
        {
            for (var tries = 0; !await happened(); tries++)
            {
                Assert.True(tries < 2_000, "it never came to be");
                await Task.Delay(20);
            }
        }

        public ValueTask DisposeAsync() => _raw.DisposeAsync();

        private InferEvent? _first;

        private delegate void WriteOne(ref WireWriter writer);

        private static byte[] Bytes(WriteOne write)
        {
            using var buffer = new PooledBuffer();
            var writer = new WireWriter(buffer);
            write(ref writer);
            Assert.True(writer.Complete());
            return buffer.Span.ToArray();
        }

        private Task SendAsync(string subject, string reply, byte[] body) =>
            _raw.SendAsync([.. Encoding.ASCII.GetBytes($"PUB {subject} {reply}{(reply.Length > 0 ? " " : "")}{body.Length}\r\n"), .. body, .. "\r\n"u8]);

        /// <summary>One byte a character, headers before the body; of this call only, others were given up.</summary>
        private async Task<string> NextAsync()
        {
            while (true)
            {
                var (subject, _, payload) = await _raw.NextAsync();
                if (subject == $"{Inbox}.{_stream}")
                {
                    return Encoding.Latin1.GetString(payload);
                }
            }
        }

        private static int HeaderLengthOf(string message) =>
            message.StartsWith("NATS/1.0", StringComparison.Ordinal) ? message.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4 : 0;

        private static InferEvent Event(string message)
        {
            var read = new InferEvent();
            Assert.True(InferEvent.TryRead(Encoding.Latin1.GetBytes(message[HeaderLengthOf(message)..]), read, out var error), error.ToString());
            return read;
        }
    }
}
