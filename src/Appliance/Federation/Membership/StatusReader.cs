using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Router;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Federation.Membership;

/// <summary>A status as a view: copied out of the message, within <see cref="PeerLimits"/>. What did not change is the same object as before. Pure.</summary>
internal static class StatusReader
{
    /// <param name="before">The view of the same life before it; null for a new one.</param>
    public static PeerView ViewOf(PeerStatus status, PeerView? before) => new()
    {
        Id = before?.Id ?? "",
        Incarnation = status.Incarnation,
        IntervalMs = StatusPace.Announced(status.IntervalMs),
        Version = VersionOf(status.Version, before?.Version ?? ""),
        Models = ModelsOf(status, before),
    };

    private static string VersionOf(Utf8Slice version, string before)
    {
        var cut = version.Span[..Math.Min(version.Length, PeerLimits.VersionBytesMax)];
        return Same(cut, before) ? before : Encoding.UTF8.GetString(cut);
    }

    /// <summary>Versions are ASCII; of others no string is saved.</summary>
    private static bool Same(ReadOnlySpan<byte> utf8, string text) => utf8.Length == text.Length && Ascii.Equals(utf8, text);

    private static PeerModelView[] ModelsOf(PeerStatus status, PeerView? before)
    {
        var models = new PeerModelView[Math.Min(status.Models.Count, PeerLimits.ModelsMax)];
        var count = 0;
        for (var i = 0; i < models.Length; i++)
        {
            var model = status.Models[i];
            if (model.Name.Length is > 0 and <= PeerLimits.ModelNameBytesMax)
            {
                // Most statuses list the models of the one before in its order.
                models[count] = ViewOf(model, KnownAt(before, count, model.Name.Span));
                count++;
            }
        }

        models = count == models.Length ? models : models[..count];
        return status.DigestPrint == 0 || status.DigestPrint == StatusWriter.PrintOf(models) ? models : Array.ConvertAll(models, WithoutDigests);
    }

    /// <summary>A status was missed in which they changed: none are better than wrong ones, and they come again.</summary>
    private static PeerModelView WithoutDigests(PeerModelView model) => model.PrefixDigests.IsEmpty ? model : model with { PrefixDigests = default };

    private static PeerModelView? KnownAt(PeerView? before, int place, ReadOnlySpan<byte> name) =>
        before is null ? null
        : place < before.Models.Count && name.SequenceEqual(before.Models[place].NameUtf8.Span) ? before.Models[place]
        : before.Find(name);

    private static PeerModelView ViewOf(PeerModel model, PeerModelView? known) => new()
    {
        Name = known?.Name ?? Encoding.UTF8.GetString(model.Name.Span),
        NameUtf8 = known?.NameUtf8 ?? model.Name.Span.ToArray(),
        ContextTokens = model.ContextTokens,
        Abilities = (Abilities)(ushort)model.Abilities,
        Numerics = model.Numerics,
        IsLoaded = model.IsLoaded,
        FreeSlots = model.FreeSlots,
        TotalSlots = model.TotalSlots,
        FreeKvBlocks = model.FreeKvBlocks,
        PrefillTokensPerSecond = model.PrefillTokensPerSecond,
        DecodeTokensPerSecond = model.DecodeTokensPerSecond,
        Price = new PeerPrice(model.InputMicroUsd, model.OutputMicroUsd, model.ComputeSecondMicroUsd),
        InteractiveDelayMs = model.InteractiveDelayMs,
        AgentDelayMs = model.AgentDelayMs,
        BatchDelayMs = model.BatchDelayMs,
        PrefixBlockTokens = model.PrefixBlockTokens,
        PrefixDigests = DigestsOf(model, known),
    };

    /// <summary>A status without them says that they are as before.</summary>
    private static ReadOnlyMemory<ulong> DigestsOf(PeerModel model, PeerModelView? known) =>
        model.HasPrefixDigests ? model.PrefixDigests.Span[..Math.Min(model.PrefixDigests.Length, PeerLimits.DigestsMax)].ToArray()
        : known?.PrefixDigests ?? default;
}
