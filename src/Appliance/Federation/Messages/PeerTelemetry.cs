using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>What a box has done since it started (<c>jesus.C.telemetry.P</c>, each 10 s). Its id stands in the subject. Pooled; one owner.</summary>
public sealed class PeerTelemetry
{
    private const int Members = 9;
    private const string Name = "PeerTelemetry";

    /// <summary>As in <see cref="PeerStatus"/>: a new one begins at 0 again.</summary>
    public ulong Incarnation { get; set; }
    public ulong Sequence { get; set; }
    public long UptimeMs { get; set; }
    public long Calls { get; set; }

    /// <summary>Calls that did not end well.</summary>
    public long Errors { get; set; }
    public long InputTokens { get; set; }
    public long OutputTokens { get; set; }
    public long MicroUsd { get; set; }

    /// <summary>Runs that ended.</summary>
    public long Runs { get; set; }

    public static bool TryRead(ReadOnlySpan<byte> body, PeerTelemetry into, out WireError error)
    {
        into.Reset();
        var reader = new WireReader(body);
        into.Read(ref reader);
        if (!reader.Finish(Name, out error))
        {
            into.Reset();
        }

        return error.IsNone;
    }

    public void Write(ref WireWriter writer)
    {
        var scope = writer.BeginTolerant(Members);
        writer.Member(ref scope, Incarnation);
        writer.Member(ref scope, Sequence);
        writer.Member(ref scope, UptimeMs);
        writer.Member(ref scope, Calls);
        writer.Member(ref scope, Errors);
        writer.Member(ref scope, InputTokens);
        writer.Member(ref scope, OutputTokens);
        writer.Member(ref scope, MicroUsd);
        writer.Member(ref scope, Runs);
        writer.EndTolerant(ref scope);
    }

    public void Reset()
    {
        Incarnation = 0;
        Sequence = 0;
        UptimeMs = 0;
        Calls = 0;
        Errors = 0;
        InputTokens = 0;
        OutputTokens = 0;
        MicroUsd = 0;
        Runs = 0;
    }

    private void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue(Name, out var scope))
        {
            return;
        }

        Incarnation = reader.Next(ref scope) ? reader.Read<ulong>("PeerTelemetry.incarnation") : 0;
        Sequence = reader.Next(ref scope) ? reader.Read<ulong>("PeerTelemetry.sequence") : 0;
        UptimeMs = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.uptimeMs") : 0;
        Calls = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.calls") : 0;
        Errors = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.errors") : 0;
        InputTokens = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.inputTokens") : 0;
        OutputTokens = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.outputTokens") : 0;
        MicroUsd = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.microUsd") : 0;
        Runs = reader.Next(ref scope) ? reader.ReadLong("PeerTelemetry.runs") : 0;
        reader.EndTolerant(ref scope);
    }
}
