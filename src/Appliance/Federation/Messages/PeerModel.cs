using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>One model of a <see cref="PeerStatus"/>: what a new call would meet there. Owned by the status and reset with it.</summary>
public sealed class PeerModel
{
    private const int Members = 18;
    private const string FieldPrefix = "PeerStatus.models.";
    private NumberList<ulong> _digests;

    public Utf8Slice Name { get; set; }

    /// <summary>Prompt and answer together; 0 when unknown.</summary>
    public int ContextTokens { get; set; }
    public NumericsProfile Numerics { get; set; }

    /// <summary>It is in memory; else the first call waits for its load.</summary>
    public bool IsLoaded { get; set; }

    /// <summary>Calls that could start at once, and that may be in progress.</summary>
    public int FreeSlots { get; set; }
    public int TotalSlots { get; set; }
    public int FreeKvBlocks { get; set; }

    /// <summary>Measured; 0 while nothing was. Decode is of one answer, prefill of all prompts together.</summary>
    public float PrefillTokensPerSecond { get; set; }
    public float DecodeTokensPerSecond { get; set; }

    /// <summary>Price in micro-dollars of a token of the prompt, of the answer, and of a second of the engine's time.</summary>
    public double InputMicroUsd { get; set; }
    public double OutputMicroUsd { get; set; }
    public double ComputeSecondMicroUsd { get; set; }

    /// <summary>Milliseconds that a new call of each lane would wait.</summary>
    public int InteractiveDelayMs { get; set; }
    public int AgentDelayMs { get; set; }
    public int BatchDelayMs { get; set; }

    /// <summary>False: they are as the status before said.</summary>
    public bool HasPrefixDigests { get; set; }

    /// <summary>Digests of the prefixes whose keys and values are at hand, hottest first; sent only when they changed.</summary>
    public ReadOnlyMemory<ulong> PrefixDigests { get; set; }

    /// <summary>Tokens of the prompt that one digest stands for.</summary>
    public int PrefixBlockTokens { get; set; }

    /// <summary>What it can, by <see cref="Router.Abilities"/>; 0 from a box that does not say: then a call is tried.</summary>
    public int Abilities { get; set; }

    internal void Reset()
    {
        Name = default;
        ContextTokens = 0;
        Numerics = default;
        IsLoaded = false;
        FreeSlots = 0;
        TotalSlots = 0;
        FreeKvBlocks = 0;
        PrefillTokensPerSecond = 0;
        DecodeTokensPerSecond = 0;
        InputMicroUsd = 0;
        OutputMicroUsd = 0;
        ComputeSecondMicroUsd = 0;
        InteractiveDelayMs = 0;
        AgentDelayMs = 0;
        BatchDelayMs = 0;
        HasPrefixDigests = false;
        PrefixDigests = default;
        PrefixBlockTokens = 0;
        Abilities = 0;
        _digests.Reset();
    }

    internal void Write(ref WireWriter writer)
    {
        var spare = WireWriter.SpareFor(Name.Length + WireWriter.TextHeaderBytes) + WireWriter.SpareFor(sizeof(int) + (PrefixDigests.Length * sizeof(ulong)));
        var scope = writer.BeginTolerant(Members, spare);
        writer.Member(ref scope, Name);
        writer.Member(ref scope, ContextTokens);
        writer.Numerics(ref scope, Numerics);
        writer.Member(ref scope, IsLoaded);
        writer.Member(ref scope, FreeSlots);
        writer.Member(ref scope, TotalSlots);
        writer.Member(ref scope, FreeKvBlocks);
        writer.Member(ref scope, PrefillTokensPerSecond);
        writer.Member(ref scope, DecodeTokensPerSecond);
        writer.Member(ref scope, InputMicroUsd);
        writer.Member(ref scope, OutputMicroUsd);
        writer.Member(ref scope, ComputeSecondMicroUsd);
        writer.Member(ref scope, InteractiveDelayMs);
        writer.Member(ref scope, AgentDelayMs);
        writer.Member(ref scope, BatchDelayMs);
        if (HasPrefixDigests)
        {
            writer.WriteArray(PrefixDigests.Span);
        }

        writer.EndMember(ref scope);
        writer.Member(ref scope, PrefixBlockTokens);
        writer.Member(ref scope, Abilities);
        writer.EndTolerant(ref scope);
    }

    internal void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("PeerStatus.models", out var scope))
        {
            return;
        }

        Name = reader.Next(ref scope) ? reader.ReadText(FieldPrefix + "name") : default;
        ContextTokens = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "contextTokens") : 0;
        Numerics = reader.Next(ref scope) ? reader.ReadNumerics(FieldPrefix + "numerics") : default;
        IsLoaded = reader.Next(ref scope) && reader.ReadBool(FieldPrefix + "isLoaded");
        FreeSlots = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "freeSlots") : 0;
        TotalSlots = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "totalSlots") : 0;
        FreeKvBlocks = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "freeKvBlocks") : 0;
        PrefillTokensPerSecond = reader.Next(ref scope) ? reader.ReadFinite(FieldPrefix + "prefillTokensPerSecond", 0) : 0;
        DecodeTokensPerSecond = reader.Next(ref scope) ? reader.ReadFinite(FieldPrefix + "decodeTokensPerSecond", 0) : 0;
        InputMicroUsd = reader.Next(ref scope) ? reader.ReadFiniteDouble(FieldPrefix + "inputMicroUsd", 0) : 0;
        OutputMicroUsd = reader.Next(ref scope) ? reader.ReadFiniteDouble(FieldPrefix + "outputMicroUsd", 0) : 0;
        ComputeSecondMicroUsd = reader.Next(ref scope) ? reader.ReadFiniteDouble(FieldPrefix + "computeSecondMicroUsd", 0) : 0;
        InteractiveDelayMs = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "interactiveDelayMs") : 0;
        AgentDelayMs = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "agentDelayMs") : 0;
        BatchDelayMs = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "batchDelayMs") : 0;
        HasPrefixDigests = reader.Next(ref scope);
        PrefixDigests = HasPrefixDigests ? _digests.Read(ref reader, FieldPrefix + "prefixDigests") : default;
        PrefixBlockTokens = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "prefixBlockTokens") : 0;
        Abilities = reader.Next(ref scope) ? reader.ReadInt(FieldPrefix + "abilities") : 0;
        reader.EndTolerant(ref scope);
    }
}
