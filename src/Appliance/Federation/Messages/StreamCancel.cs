using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>Why a caller wants no more of an answer.</summary>
public enum CancelReason : byte
{
    /// <summary>Its client left or cancelled.</summary>
    CallerLeft,
    DeadlinePassed,

    /// <summary>Another candidate answers.</summary>
    LostRace,

    /// <summary>Events are missing: the rest is of no use.</summary>
    Gap,
    Stopping,
}

/// <summary>The caller wants no more of an answer (<c>jesus.C.peer.P.cancel.Q</c>). Pooled; one owner.</summary>
public sealed class StreamCancel
{
    private const int Members = 2;
    private const string Name = "StreamCancel";

    /// <summary>The caller's number of the answer, as <see cref="InferRequest.Stream"/> said.</summary>
    public ulong Stream { get; set; }

    /// <summary>For the log; one that a newer peer may know only reads as <see cref="CancelReason.CallerLeft"/>.</summary>
    public CancelReason Reason { get; set; }

    public static bool TryRead(ReadOnlySpan<byte> body, StreamCancel into, out WireError error)
    {
        into.Reset();
        var reader = new WireReader(body);
        if (reader.BeginTolerantValue(Name, out var scope))
        {
            into.Stream = reader.Next(ref scope) ? reader.Read<ulong>("StreamCancel.stream") : 0;
            var reason = (CancelReason)(reader.Next(ref scope) ? reader.Read<byte>("StreamCancel.reason") : 0);
            into.Reason = reason <= CancelReason.Stopping ? reason : CancelReason.CallerLeft;
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
        writer.Member(ref scope, (byte)Reason);
        writer.EndTolerant(ref scope);
    }

    public void Reset()
    {
        Stream = 0;
        Reason = CancelReason.CallerLeft;
    }
}
