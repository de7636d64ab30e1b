using System.Buffers.Text;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// The subjects of calls: <c>C</c> the cluster, <c>P</c> who is asked, <c>Q</c> who asks. A box may publish only where its own id stands as <c>Q</c>, so the last token is
/// whom the server let speak.
/// </summary>
internal sealed class CallSubjects(string cluster, string self)
{
    /// <summary>Calls, credit and cancels to this box.</summary>
    public string Calls => $"jesus.{cluster}.peer.{self}.infer.*";
    public string Credits => $"jesus.{cluster}.peer.{self}.credit.*";
    public string Cancels => $"jesus.{cluster}.peer.{self}.cancel.*";

    /// <summary>What every box that offers the model listens to as one of the group <c>infer</c>.</summary>
    public string AnyCalls(string model) => $"jesus.{cluster}.infer.{SubjectToken.Escape(model)}.*";

    public string CallTo(string peer) => $"jesus.{cluster}.peer.{peer}.infer.{self}";
    public string CreditTo(string peer) => $"jesus.{cluster}.peer.{peer}.credit.{self}";
    public string CancelTo(string peer) => $"jesus.{cluster}.peer.{peer}.cancel.{self}";

    /// <summary>An inbox of one call. Who is asked stands in it: the server lets a box write into another's inboxes only where its own id stands.</summary>
    public string InboxFor(string peer, ulong call) => $"_INBOX.jesus.{self}.{peer}.{call:x}";

    /// <summary>
    /// <c>Q</c>; empty when it is no id, and where the subject is another than was subscribed: what a JetStream consumer was made to deliver comes under the subject that it was
    /// stored with, whose last token nobody vouches for.
    /// </summary>
    /// <param name="subject">A message's.</param>
    /// <param name="before">What was subscribed, without its last token.</param>
    public static ReadOnlySpan<byte> CallerOf(ReadOnlySpan<byte> subject, ReadOnlySpan<byte> before) =>
        subject.StartsWith(before) && FederationOptions.IsName(subject[before.Length..]) ? subject[before.Length..] : [];

    /// <summary>The reply subject lies in the caller's own inboxes: else a caller could have this box publish where only this box may.</summary>
    public static bool IsInboxOf(ReadOnlySpan<byte> caller, ReadOnlySpan<byte> reply)
    {
        var prefix = "_INBOX.jesus."u8;
        return reply.Length > prefix.Length + caller.Length + 1 && reply.StartsWith(prefix) && reply[prefix.Length..].StartsWith(caller)
            && reply[prefix.Length + caller.Length] == '.' && !reply.ContainsAny((byte)'*', (byte)'>');
    }

    /// <summary>A number of a header; 0 where it is none.</summary>
    public static long NumberOf(ReadOnlySpan<byte> text) => Utf8Parser.TryParse(text, out long number, out var used) && used == text.Length ? number : 0;
}
