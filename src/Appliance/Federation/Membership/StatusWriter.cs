using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Router;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Federation.Membership;

/// <summary>What a status says beside the models.</summary>
internal readonly record struct StatusHead
{
    public ulong Incarnation { get; init; }
    public ulong Sequence { get; init; }
    public int IntervalMs { get; init; }
    public bool IsDraining { get; init; }
    public Utf8Slice Version { get; init; }

    /// <summary>Digests of prefixes go along; else they are as before.</summary>
    public bool WithDigests { get; init; }

    /// <summary>By <see cref="StatusWriter.PrintOf"/>.</summary>
    public ulong DigestPrint { get; init; }
}

/// <summary>Fills the message in which a box says how it is, within <see cref="PeerLimits"/>. Pure.</summary>
internal static class StatusWriter
{
    public static void Fill(PeerStatus status, in StatusHead head, IReadOnlyList<PeerModelView> models)
    {
        status.Reset();
        status.Incarnation = head.Incarnation;
        status.Sequence = head.Sequence;
        status.IntervalMs = head.IntervalMs;
        status.IsDraining = head.IsDraining;
        status.Version = head.Version;
        status.DigestPrint = head.DigestPrint;
        for (var i = 0; i < models.Count && i < PeerLimits.ModelsMax; i++)
        {
            Fill(status.AddModel(), models[i], head.WithDigests);
        }
    }

    /// <summary>Equal where the models and their digests are, on whatever box; not 0.</summary>
    public static ulong PrintOf(IReadOnlyList<PeerModelView> models)
    {
        var print = 0UL;
        for (var i = 0; i < models.Count && i < PeerLimits.ModelsMax; i++)
        {
            print = StableHash.Add(print, models[i].NameUtf8.Span);
            var digests = DigestsOf(models[i]).Span;
            for (var j = 0; j < digests.Length; j++)
            {
                print = StableHash.Mix(print ^ digests[j]);
            }
        }

        return print | 1;
    }

    private static ReadOnlyMemory<ulong> DigestsOf(PeerModelView view) => view.PrefixDigests[..Math.Min(view.PrefixDigests.Length, PeerLimits.DigestsMax)];

    private static void Fill(PeerModel model, PeerModelView view, bool withDigests)
    {
        model.Name = new Utf8Slice(view.NameUtf8);
        model.ContextTokens = view.ContextTokens;
        model.Abilities = (int)view.Abilities;
        model.Numerics = view.Numerics;
        model.IsLoaded = view.IsLoaded;
        model.FreeSlots = view.FreeSlots;
        model.TotalSlots = view.TotalSlots;
        model.FreeKvBlocks = view.FreeKvBlocks;
        model.PrefillTokensPerSecond = view.PrefillTokensPerSecond;
        model.DecodeTokensPerSecond = view.DecodeTokensPerSecond;
        model.InputMicroUsd = view.Price.InputMicroUsd;
        model.OutputMicroUsd = view.Price.OutputMicroUsd;
        model.ComputeSecondMicroUsd = view.Price.ComputeSecondMicroUsd;
        model.InteractiveDelayMs = view.InteractiveDelayMs;
        model.AgentDelayMs = view.AgentDelayMs;
        model.BatchDelayMs = view.BatchDelayMs;
        model.PrefixBlockTokens = view.PrefixBlockTokens;
        model.HasPrefixDigests = withDigests;
        model.PrefixDigests = withDigests ? DigestsOf(view) : default;
    }
}
