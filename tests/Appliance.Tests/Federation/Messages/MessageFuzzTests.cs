using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Messages;

/// <summary>What a broken or hostile peer may send: it is read or refused, with an error that says where, and costs no more than its own size.</summary>
public sealed class MessageFuzzTests
{
    private const int Seeds = 4_000;

    /// <summary>Valid messages that the seeds spoil, one after another.</summary>
    private const int Made = 200;

    /// <summary>Storage that grows by doubling, of elements up to 40 times as large in memory as the shortest on the wire.</summary>
    private const int BytesPerByte = 160;
    private const int BytesAtLeast = 256 * 1024;

    public static TheoryData<string> Names => [.. MessageCase.All().Select(message => message.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Random_bytes_are_refused_or_read_but_never_break_the_reader(string name)
    {
        var message = Of(name);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var dice = new Random(seed);
            var bytes = new byte[dice.Next(400)];
            dice.NextBytes(bytes);
            if (bytes.Length > 0 && seed % 2 == 0)
            {
                // A plausible beginning leads deeper.
                bytes[0] = (byte)dice.Next(45);
                for (var i = 1; i < Math.Min(bytes.Length, 45); i++)
                {
                    bytes[i] = (byte)(dice.Next(3) == 0 ? dice.Next(20) : 0);
                }
            }

            Try(message, bytes, seed);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Truncated_messages_are_refused(string name)
    {
        var message = Of(name);
        var made = Enumerable.Range(0, Made).Select(message.Made).ToArray();
        for (var seed = 0; seed < Seeds; seed++)
        {
            byte[] bytes = [.. made[seed % Made]];
            var length = new Random(seed).Next(bytes.Length);
            Assert.False(Try(message, bytes.AsSpan(0, length), seed), $"seed {seed}: {length} of {bytes.Length} bytes were taken for a whole message");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Messages_with_flipped_bits_are_refused_or_read_but_never_break_the_reader(string name)
    {
        var message = Of(name);
        var made = Enumerable.Range(0, Made).Select(message.Made).ToArray();
        for (var seed = 0; seed < Seeds; seed++)
        {
            byte[] bytes = [.. made[seed % Made]];
            var dice = new Random(seed);
            for (var i = 1 + dice.Next(4); i > 0; i--)
            {
                // Half of them in the first bytes, where the lengths are.
                var at = dice.Next(dice.Next(2) == 0 ? Math.Min(64, bytes.Length) : bytes.Length);
                bytes[at] ^= (byte)(1 << dice.Next(8));
            }

            Try(message, bytes, seed);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Hostile_lengths_anywhere_allocate_nothing_of_their_size(string name)
    {
        var message = Of(name);
        var made = Enumerable.Range(0, Made).Select(message.Made).ToArray();
        for (var seed = 0; seed < Seeds; seed++)
        {
            byte[] bytes = [.. made[seed % Made]];
            var dice = new Random(seed);
            var at = dice.Next(bytes.Length);
            ReadOnlySpan<int> hostile = [int.MaxValue, int.MinValue, -2, 0x00FFFFFF, ~int.MaxValue, -1];
            _ = BitConverter.TryWriteBytes(bytes.AsSpan(at)[..Math.Min(4, bytes.Length - at)], hostile[dice.Next(hostile.Length)]);
            Try(message, bytes, seed);
        }
    }

    private static MessageCase Of(string name) => MessageCase.All().Single(message => message.Name == name);

    private static bool Try(MessageCase message, ReadOnlySpan<byte> bytes, int seed)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var taken = message.TryRead(bytes, out WireError error);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= BytesAtLeast + ((long)BytesPerByte * bytes.Length), $"seed {seed}: {allocated} bytes were allocated for a message of {bytes.Length}");
        Assert.Equal(taken, error.IsNone);
        if (taken)
        {
            // What was taken can be passed on.
            _ = message.Rewrite();
            return true;
        }

        Assert.NotEmpty(error.Field);
        Assert.InRange(error.Offset, 0, bytes.Length);
        return false;
    }
}
