using System.Globalization;
using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Bench.Peers;

/// <summary>Statuses of a made-up fleet: four models a box, sixteen digests each, names and figures that differ.</summary>
internal static class Fleet
{
    public const int Models = 4;
    public const int Digests = 16;

    public static string NameOf(int peer) => "box-" + peer.ToString(CultureInfo.InvariantCulture);

    /// <param name="withDigests">As the first status of a life has them, and each in which they changed.</param>
    public static byte[] Status(int peer, ulong sequence, int intervalMs, bool withDigests)
    {
        using var status = new PeerStatus
        {
            Incarnation = (ulong)peer + 1,
            Sequence = sequence,
            IntervalMs = intervalMs,
            Version = new Utf8Slice("0.1.0"u8.ToArray()),
        };
        for (var i = 0; i < Models; i++)
        {
            var model = status.AddModel();
            model.Name = new Utf8Slice(Encoding.UTF8.GetBytes($"model-{i}-of-a-fleet"));
            model.ContextTokens = 8_192;
            model.IsLoaded = i == 0;
            model.FreeSlots = (int)sequence % 8;
            model.TotalSlots = 8;
            model.FreeKvBlocks = (int)sequence % 1_000;
            model.PrefillTokensPerSecond = 900 + peer;
            model.DecodeTokensPerSecond = 40 + i;
            model.InteractiveDelayMs = (int)sequence % 100;
            model.HasPrefixDigests = withDigests;
            model.PrefixDigests = withDigests ? Enumerable.Range(0, Digests).Select(d => ((ulong)peer << 32) + (ulong)d).ToArray() : default;
        }

        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        status.Write(ref writer);
        return writer.Complete() ? buffer.Span.ToArray() : throw new InvalidOperationException("A status is too long.");
    }
}
