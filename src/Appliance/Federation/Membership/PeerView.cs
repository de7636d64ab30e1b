using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Federation.Membership;

public enum PeerState : byte
{
    Alive,

    /// <summary>Three of its statuses are missing: nothing new is sent there.</summary>
    Suspect,

    /// <summary>Ten of them are missing.</summary>
    Gone,

    /// <summary>It finishes what it has and takes nothing new.</summary>
    Draining,
}

/// <summary>Why nothing new is sent to a peer.</summary>
public enum Ineligible : byte
{
    /// <summary>It is eligible.</summary>
    No,
    Suspect,
    Gone,
    Draining,

    /// <summary>It came and went; it waits before it is trusted again.</summary>
    Flapping,

    /// <summary>Two boxes call themselves by its id.</summary>
    DuplicateId,

    /// <summary>It offers no model.</summary>
    OffersNothing,

    /// <summary>This box is not connected itself, and can ask nobody.</summary>
    Deaf,
}

/// <summary>
/// A peer as this box knows it: an immutable snapshot, replaced when a status comes or time changes its state. Times are this box's monotonic milliseconds.
/// </summary>
public sealed record PeerView
{
    public required string Id { get; init; }

    /// <summary>Drawn anew by each start of the peer; tells a restart from the same life.</summary>
    public ulong Incarnation { get; init; }
    public PeerState State { get; init; }
    public Ineligible WhyNot { get; init; }

    /// <summary>Until when a flapping peer waits; 0 when it does not.</summary>
    public long HeldUntilMs { get; init; }

    /// <summary>Times that it came back lately; forgotten over quiet minutes.</summary>
    public int Flaps { get; init; }

    /// <summary>When its last status came.</summary>
    public long SeenMs { get; init; }

    /// <summary>When its present life was first heard of.</summary>
    public long SinceMs { get; init; }

    /// <summary>In how many milliseconds it announced its next status.</summary>
    public int IntervalMs { get; init; }
    public string Version { get; init; } = "";
    public IReadOnlyList<PeerModelView> Models { get; init; } = [];

    public bool IsEligible => WhyNot == Ineligible.No;

    /// <summary>Milliseconds since its last status.</summary>
    public long AgeMs(long nowMs) => Math.Max(0, nowMs - SeenMs);

    /// <summary>The reason in words; empty when it is eligible.</summary>
    public string WhyNotEligible(long nowMs) => WhyNot switch
    {
        Ineligible.No => "",
        Ineligible.Suspect => "its statuses are missing",
        Ineligible.Gone => "it is gone",
        Ineligible.Draining => "it is draining",
        Ineligible.Flapping => $"it came and went {Flaps} times; it waits {Math.Max(1, (HeldUntilMs - nowMs + 999) / 1_000)} s more",
        Ineligible.DuplicateId => "two boxes call themselves by this id; give one another federation.peer",
        Ineligible.Deaf => "this box is not connected to NATS",
        _ => "it offers no model",
    };

    /// <summary>The model of that name, if the peer offers it.</summary>
    public PeerModelView? Find(ReadOnlySpan<byte> model)
    {
        for (var i = 0; i < Models.Count; i++)
        {
            if (model.SequenceEqual(Models[i].NameUtf8.Span))
            {
                return Models[i];
            }
        }

        return null;
    }

    public PeerModelView? Find(string model)
    {
        for (var i = 0; i < Models.Count; i++)
        {
            if (Models[i].Name == model)
            {
                return Models[i];
            }
        }

        return null;
    }
}

/// <summary>A model of a peer, as its last status said. Immutable.</summary>
public sealed record PeerModelView
{
    public required string Name { get; init; }
    public required ReadOnlyMemory<byte> NameUtf8 { get; init; }

    /// <summary>Prompt and answer together; 0 when unknown.</summary>
    public int ContextTokens { get; init; }
    public NumericsProfile Numerics { get; init; }

    /// <summary>What it can; <see cref="Abilities.None"/> from a box that does not say.</summary>
    public Abilities Abilities { get; init; }

    /// <summary>It is in memory there; else the first call waits for its load, which <see cref="DelayMs"/> contains as far as it can be foreseen.</summary>
    public bool IsLoaded { get; init; }

    /// <summary>Calls that could start at once, and that may be in progress.</summary>
    public int FreeSlots { get; init; }
    public int TotalSlots { get; init; }
    public int FreeKvBlocks { get; init; }

    /// <summary>Measured there; 0 while nothing was measured. Decode is of one answer, prefill of all prompts together.</summary>
    public float PrefillTokensPerSecond { get; init; }
    public float DecodeTokensPerSecond { get; init; }

    /// <summary>Micro-dollars of a token, and of a second of compute.</summary>
    public PeerPrice Price { get; init; }

    /// <summary>Of the prefixes whose keys and values it has at hand, hottest first; empty while unknown.</summary>
    public ReadOnlyMemory<ulong> PrefixDigests { get; init; }

    /// <summary>Tokens of a prompt that one digest stands for.</summary>
    public int PrefixBlockTokens { get; init; }

    /// <summary>Milliseconds that a new call of each lane would wait there.</summary>
    public int InteractiveDelayMs { get; init; }
    public int AgentDelayMs { get; init; }
    public int BatchDelayMs { get; init; }

    public int DelayMs(Lane lane) => lane switch
    {
        Lane.Interactive => InteractiveDelayMs,
        Lane.Agent => AgentDelayMs,
        _ => BatchDelayMs,
    };

    public bool HasPrefix(ulong digest) => PrefixDigests.Span.Contains(digest);
}

/// <summary>What a peer asks for a model; all zero is free.</summary>
/// <param name="InputMicroUsd">A token of the prompt.</param>
/// <param name="OutputMicroUsd">A token of the answer.</param>
/// <param name="ComputeSecondMicroUsd">A second of its engine's time.</param>
public readonly record struct PeerPrice(double InputMicroUsd, double OutputMicroUsd, double ComputeSecondMicroUsd);
