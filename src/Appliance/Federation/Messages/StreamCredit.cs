using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// The caller's leave to send on (<c>jesus.C.peer.P.credit.Q</c>). <see cref="UpTo"/> is no increment but the highest sequence number allowed, so that one that is
/// lost or comes late does no harm. Pooled; one owner.
/// </summary>
public sealed class StreamCredit
{
    private const int Members = 2;
    private const string Name = "StreamCredit";

    /// <summary>The caller's number of the answer, as <see cref="InferRequest.Stream"/> said.</summary>
    public ulong Stream { get; set; }

    /// <summary>Events may be sent up to and with this <see cref="InferEvent.Sequence"/>.</summary>
    public long UpTo { get; set; }

    public static bool TryRead(ReadOnlySpan<byte> body, StreamCredit into, out WireError error)
    {
        into.Reset();
        var reader = new WireReader(body);
        if (reader.BeginTolerantValue(Name, out var scope))
        {
            into.Stream = reader.Next(ref scope) ? reader.Read<ulong>("StreamCredit.stream") : 0;
            into.UpTo = reader.Next(ref scope) ? reader.ReadLong("StreamCredit.upTo") : 0;
            reader.EndTolerant(ref scope);
        }

        if (!reader.Finish(Name, out error))
        {
            into.Reset();
        }

        return error.IsNone;
    }

    public void Write(ref WireWriter writer)
    {
        var scope = writer.BeginTolerant(Members);
        writer.Member(ref scope, Stream);
        writer.Member(ref scope, UpTo);
        writer.EndTolerant(ref scope);
    }

    public void Reset()
    {
        Stream = 0;
        UpTo = 0;
    }
}
