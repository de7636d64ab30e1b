using Jesus.Appliance.Federation.Messages;
using Jesus.Inference.Contract;
using Jesus.Tests.Memory;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Messages;

public sealed class MessageTests
{
    private const int Seeds = 1_000;

    public static TheoryData<string> Names => [.. MessageCase.All().Select(message => message.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_thousand_messages_come_back_as_they_went(string name)
    {
        var message = Of(name);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var bytes = message.Made(seed);
            Assert.True(message.TryRead(bytes, out var error), $"seed {seed}: {error}");
            Assert.True(message.MadeSays(seed) == message.Says(), $"seed {seed}: another message came back");
            Assert.True(message.Rewrite().SequenceEqual(bytes), $"seed {seed}: other bytes the second time");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_member_is_set_by_some_seed(string name)
    {
        // Else the test above would not see a member that is left behind.
        var message = Of(name);
        Assert.True(message.TryRead(EmptyObject, out _));
        var defaults = message.Says().Split('\n');
        var set = Enumerable.Range(0, 200).SelectMany(seed => message.MadeSays(seed).Split('\n')).ToHashSet();
        var never = defaults.Where(line => line.Length > 0 && set.All(other => other == line || !other.StartsWith(line.Split(' ')[0], StringComparison.Ordinal)));
        Assert.Empty(never);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_older_peer_ignores_the_members_of_a_newer_one(string name)
    {
        var message = Of(name);
        for (var seed = 0; seed < 100; seed++)
        {
            var bytes = message.Made(seed);
            Assert.True(message.TryRead(Evolution.Newer(bytes, extraMembers: 1 + (seed % 3), extraBytes: seed * 7), out var error), $"seed {seed}: {error}");
            Assert.True(message.Rewrite().SequenceEqual(bytes), $"seed {seed}: what it knew came out otherwise");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_newer_peer_fills_the_members_that_an_older_one_did_not_send_with_defaults(string name)
    {
        var message = Of(name);
        for (var seed = 0; seed < 50; seed++)
        {
            var bytes = message.Made(seed);
            for (var members = 0; members <= bytes[0]; members++)
            {
                Assert.True(message.TryRead(Evolution.Older(bytes, members), out var error), $"seed {seed}, {members} members: {error}");
                var read = message.Says();
                Assert.True(message.TryRead(Evolution.WithDefaults(bytes, members), out error), $"seed {seed}, {members} members: {error}");
                Assert.True(read == message.Says(), $"seed {seed}, {members} members: what came is not what went");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Reading_and_writing_again_and_again_allocates_nothing(string name)
    {
        var message = Of(name);
        var bodies = Enumerable.Range(0, 20).Select(message.Made).Where(body => !HasWords(message, body)).ToArray();
        Assert.NotEmpty(bodies);
        _ = AllocatedBy(message, bodies, 20);
        Assert.Equal(0, AllocatedBy(message, bodies, 50));
    }

    [Fact]
    public void A_part_of_a_message_may_grow_members_as_well()
    {
        using var status = new PeerStatus();
        status.AddModel().Name = new Utf8Slice("m"u8.ToArray());
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        var scope = writer.BeginTolerant(6);
        for (var i = 0; i < 5; i++)
        {
            writer.EndMember(ref scope);
        }

        writer.WriteCount(1);
        writer.WriteRaw(Evolution.Newer(ModelBytes(status), extraMembers: 2, extraBytes: 40));
        writer.EndMember(ref scope);
        writer.EndTolerant(ref scope);
        Assert.True(writer.Complete());

        using var read = new PeerStatus();
        Assert.True(PeerStatus.TryRead(buffer.Span, read, out var error), error.ToString());
        Assert.Equal("m", read.Models.Single().Name.ToString());
    }

    [Fact]
    public void A_providers_own_bytes_do_not_travel_between_boxes()
    {
        using var message = new InferEvent();
        Assert.Throws<ArgumentException>(() => message.Take(new ModelEvent { Kind = EventKind.Wire }));
        message.EventKind = EventKind.Wire;
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        message.Write(ref writer);
        Assert.True(writer.Complete());
        Assert.False(InferEvent.TryRead(buffer.Span, message, out var error));
        Assert.Equal("InferEvent.eventKind", error.Field);
    }

    private static byte[] EmptyObject => [0];

    private static MessageCase Of(string name) => MessageCase.All().Single(message => message.Name == name);

    // Words of a failure become strings: a failed call is no steady state.
    private static bool HasWords(MessageCase message, byte[] body)
    {
        _ = message.TryRead(body, out _);
        return message.Says().Contains(".Error.Cause", StringComparison.Ordinal) && !message.Says().Contains(".Error.Cause None", StringComparison.Ordinal);
    }

    private static long AllocatedBy(MessageCase message, byte[][] bodies, int rounds) => Allocation.LeastOf(() =>
    {
        for (var i = 0; i < rounds; i++)
        {
            foreach (var body in bodies)
            {
                _ = message.TryRead(body, out _);
                _ = message.Rewrite();
            }
        }
    });

    private static byte[] ModelBytes(PeerStatus status)
    {
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        status.Models[0].Write(ref writer);
        Assert.True(writer.Complete());
        return buffer.Span.ToArray();
    }
}
