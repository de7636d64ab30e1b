using System.Text;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Membership;

/// <summary>Statuses as they go over the wire.</summary>
internal static class Statuses
{
    public static PeerModelView Model(string name, params ulong[] digests) => new()
    {
        Name = name,
        NameUtf8 = Encoding.UTF8.GetBytes(name),
        ContextTokens = 4096,
        FreeSlots = 3,
        TotalSlots = 4,
        IsLoaded = true,
        InteractiveDelayMs = 10,
        AgentDelayMs = 20,
        BatchDelayMs = 30,
        PrefixDigests = digests,
    };

    public static byte[] Bytes(StatusHead head, params PeerModelView[] models)
    {
        using var status = new PeerStatus();
        StatusWriter.Fill(status, head, models);
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        status.Write(ref writer);
        Assert.True(writer.Complete());
        return buffer.Span.ToArray();
    }

    public static StatusHead Head(ulong incarnation, ulong sequence, int intervalMs = 1_000, bool draining = false, bool digests = true) => new()
    {
        Incarnation = incarnation,
        Sequence = sequence,
        IntervalMs = intervalMs,
        IsDraining = draining,
        Version = new Utf8Slice("1.2.3"u8.ToArray()),
        WithDigests = digests,
    };

    public static StatusVerdict Hear(this PeerTable table, string peer, byte[] body, long nowMs)
    {
        using var status = new PeerStatus();
        Assert.True(PeerStatus.TryRead(body, status, out var error), error.ToString());
        return table.Apply(Encoding.ASCII.GetBytes(peer), status, nowMs);
    }

    /// <summary>A status with one model.</summary>
    public static StatusVerdict Hear(this PeerTable table, string peer, ulong incarnation, ulong sequence, long nowMs, bool draining = false, int intervalMs = 1_000) =>
        table.Hear(peer, Bytes(Head(incarnation, sequence, intervalMs, draining), Model("m")), nowMs);
}
