using System.Text;

namespace Jesus.Appliance.Federation;

/// <summary>
/// The subjects of membership and totals. A box publishes only where its own id stands, so whoever speaks is whom the server let speak; with <c>C</c> the cluster,
/// <c>P</c> this box and <c>Q</c> another. The whole subject is looked at, not only the speaker's place: a JetStream consumer delivers wherever its maker wants
/// (<c>deliver_subject</c>), under the subject that the message was stored with, and who may store may choose its tokens.
/// </summary>
internal sealed class FederationSubjects(string cluster, string self)
{
    private readonly byte[] _ofPeers = Encoding.UTF8.GetBytes($"jesus.{cluster}.peer.");
    private readonly byte[] _ofTotals = Encoding.UTF8.GetBytes($"jesus.{cluster}.telemetry.");
    private readonly byte[] _ofWelcomes = Encoding.UTF8.GetBytes($"jesus.{cluster}.peer.{self}.welcome.");

    /// <summary>How this box is, to all.</summary>
    public string Status => $"jesus.{cluster}.peer.{self}.status";
    public string EveryStatus => $"jesus.{cluster}.peer.*.status";

    /// <summary>The whole status of another, to this box alone, which is new to it.</summary>
    public string Welcomes => $"jesus.{cluster}.peer.{self}.welcome.*";
    public string Totals => $"jesus.{cluster}.telemetry.{self}";
    public string EveryTotals => $"jesus.{cluster}.telemetry.*";

    /// <summary>This box's whole status to one that is new.</summary>
    public string WelcomeTo(string peer) => $"jesus.{cluster}.peer.{peer}.welcome.{self}";

    /// <summary><c>Q</c> of <c>jesus.C.peer.Q.status</c>; empty for another subject.</summary>
    public ReadOnlySpan<byte> SenderOfStatus(ReadOnlySpan<byte> subject) => Between(subject, _ofPeers, ".status"u8);

    /// <summary><c>Q</c> of <c>jesus.C.peer.P.welcome.Q</c>; empty for another subject.</summary>
    public ReadOnlySpan<byte> SenderOfWelcome(ReadOnlySpan<byte> subject) => Between(subject, _ofWelcomes, []);

    /// <summary><c>Q</c> of <c>jesus.C.telemetry.Q</c>; empty for another subject.</summary>
    public ReadOnlySpan<byte> SenderOfTotals(ReadOnlySpan<byte> subject) => Between(subject, _ofTotals, []);

    private static ReadOnlySpan<byte> Between(ReadOnlySpan<byte> subject, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after) =>
        subject.Length > before.Length + after.Length && subject.StartsWith(before) && subject.EndsWith(after) ? subject[before.Length..^after.Length] : [];
}
