using System.Text;

namespace Jesus.Appliance.Federation;

/// <summary>
/// The subjects of membership and totals. A box publishes only where its own id stands, so whoever speaks is whom the server let speak; with <c>C</c> the cluster,
/// <c>P</c> this box and <c>Q</c> another.
/// </summary>
internal sealed class FederationSubjects(string cluster, string self)
{
    private readonly int _peerAt = Encoding.UTF8.GetByteCount($"jesus.{cluster}.peer.");
    private readonly int _totalsAt = Encoding.UTF8.GetByteCount($"jesus.{cluster}.telemetry.");
    private readonly int _welcomeAt = Encoding.UTF8.GetByteCount($"jesus.{cluster}.peer.{self}.welcome.");

    /// <summary>How this box is, to all.</summary>
    public string Status => $"jesus.{cluster}.peer.{self}.status";
    public string EveryStatus => $"jesus.{cluster}.peer.*.status";

    /// <summary>The whole status of another, to this box alone, which is new to it.</summary>
    public string Welcomes => $"jesus.{cluster}.peer.{self}.welcome.*";
    public string Totals => $"jesus.{cluster}.telemetry.{self}";
    public string EveryTotals => $"jesus.{cluster}.telemetry.*";

    /// <summary>This box's whole status to one that is new.</summary>
    public string WelcomeTo(string peer) => $"jesus.{cluster}.peer.{peer}.welcome.{self}";

    /// <summary><c>Q</c> of <c>jesus.C.peer.Q.status</c>.</summary>
    public ReadOnlySpan<byte> SenderOfStatus(ReadOnlySpan<byte> subject) => UpToDot(subject, _peerAt);

    /// <summary><c>Q</c> of <c>jesus.C.peer.P.welcome.Q</c>.</summary>
    public ReadOnlySpan<byte> SenderOfWelcome(ReadOnlySpan<byte> subject) => UpToDot(subject, _welcomeAt);

    /// <summary><c>Q</c> of <c>jesus.C.telemetry.Q</c>.</summary>
    public ReadOnlySpan<byte> SenderOfTotals(ReadOnlySpan<byte> subject) => UpToDot(subject, _totalsAt);

    private static ReadOnlySpan<byte> UpToDot(ReadOnlySpan<byte> subject, int from)
    {
        if (subject.Length <= from)
        {
            return [];
        }

        var rest = subject[from..];
        var dot = rest.IndexOf((byte)'.');
        return dot < 0 ? rest : rest[..dot];
    }
}
