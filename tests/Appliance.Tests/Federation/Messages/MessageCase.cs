using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Messages;

/// <summary>One type of message, so that a test can go over all of them.</summary>
internal abstract class MessageCase
{
    public static MessageCase[] All() =>
    [
        new MessageCase<InferRequest>(
            InferRequest.TryRead,
            (InferRequest message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
        new MessageCase<InferEvent>(
            InferEvent.TryRead,
            (InferEvent message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
        new MessageCase<PeerStatus>(
            PeerStatus.TryRead,
            (PeerStatus message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
        new MessageCase<PeerTelemetry>(
            PeerTelemetry.TryRead,
            (PeerTelemetry message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
        new MessageCase<RunSubmit>(
            RunSubmit.TryRead,
            (RunSubmit message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
        new MessageCase<StreamCredit>(
            StreamCredit.TryRead,
            (StreamCredit message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
        new MessageCase<StreamCancel>(
            StreamCancel.TryRead,
            (StreamCancel message, ref WireWriter writer) => message.Write(ref writer),
            (dice, message) => dice.Fill(message),
            message => message.Reset()),
    ];

    public abstract string Name { get; }

    /// <summary>A message of the seed, as bytes.</summary>
    public abstract byte[] Made(int seed);

    /// <summary>What the message of the seed says.</summary>
    public abstract string MadeSays(int seed);

    /// <summary>Reads into one message, again and again.</summary>
    public abstract bool TryRead(ReadOnlySpan<byte> bytes, out WireError error);

    /// <summary>What the message read last says.</summary>
    public abstract string Says();

    /// <summary>The message read last, written again into memory that is kept.</summary>
    public abstract ReadOnlySpan<byte> Rewrite();
}

internal delegate bool TryReadMessage<T>(ReadOnlySpan<byte> body, T into, out WireError error);

internal delegate void WriteMessage<T>(T message, ref WireWriter writer);

internal sealed class MessageCase<T>(TryReadMessage<T> read, WriteMessage<T> write, Action<MessageDice, T> fill, Action<T> reset) : MessageCase, IDisposable
    where T : class, new()
{
    private readonly T _made = new();
    private readonly T _read = new();
    private readonly PooledBuffer _buffer = new();

    public override string Name => typeof(T).Name;

    public void Dispose() => _buffer.Dispose();

    public override byte[] Made(int seed)
    {
        Fill(seed);
        return Write(_made).ToArray();
    }

    public override string MadeSays(int seed)
    {
        Fill(seed);
        return DescribeMessage(_made);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out WireError error) => read(bytes, _read, out error);

    public override string Says() => DescribeMessage(_read);

    public override ReadOnlySpan<byte> Rewrite() => Write(_read);

    private void Fill(int seed)
    {
        reset(_made);
        fill(new MessageDice(seed), _made);
    }

    private ReadOnlySpan<byte> Write(T message)
    {
        _buffer.Reset();
        var writer = new WireWriter(_buffer);
        write(message, ref writer);
        Assert.True(writer.Complete());
        return _buffer.Span;
    }

    // The caller's raw body stays at home, the deadline travels as the time that is left, and the class of the data and the boxes passed as members of the message itself.
    private static string DescribeMessage(T message) => Describe.Of(
        message, ".Ask.Body", ".Ask.BodyShape", ".Ask.BodyVersion", ".Ask.VerbatimOnly", ".Ask.Betas", ".Ask.Deadline", ".Ask.DataClass", ".Ask.Visited", ".Ask.Hold");
}
