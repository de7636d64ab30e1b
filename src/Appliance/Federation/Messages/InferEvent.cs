using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

public enum InferEventKind : byte
{
    /// <summary>The first one: the call is taken. <see cref="InferEvent.Numerics"/> is the arithmetic that will answer.</summary>
    Accepted,

    /// <summary>A <see cref="ModelEvent"/> of the answer.</summary>
    Item,

    /// <summary>The last one: how it ended.</summary>
    Ended,

    /// <summary>The only one: the call is not taken, for <see cref="InferEvent.Refusal"/>.</summary>
    Refused,
}

/// <summary>Why a box does not take a call; the caller goes on to the next candidate.</summary>
public enum RefusalReason : byte
{
    None,
    Busy,
    Draining,
    NoSuchModel,

    /// <summary>The caller, as the server knows it, may not call it.</summary>
    NotAllowed,
    BudgetExceeded,

    /// <summary>The model is there, but with other arithmetic than the caller needs.</summary>
    OtherNumerics,
    DeadlinePassed,

    /// <summary>The request was here before, or passed too many boxes.</summary>
    Loop,
    TooLarge,
    Malformed,
    TooOften,
}

/// <summary>
/// One numbered event of an answer, on its way to the caller's reply subject. Pooled: text and numbers lie in the message until it is reset or, when it was filled to be
/// sent, in the memory of what was taken. One owner.
/// </summary>
public sealed partial class InferEvent : IDisposable
{
    private readonly MessageBody _body = new();

    /// <summary>The caller's number of the answer.</summary>
    public ulong Stream { get; set; }

    /// <summary>From 1 on without a gap: one that is missing was lost, and so is the answer.</summary>
    public long Sequence { get; set; }
    public InferEventKind Kind { get; set; }

    /// <summary>For <see cref="InferEventKind.Item"/>, which it is.</summary>
    public EventKind EventKind { get; set; }
    public int Choice { get; set; }
    public int Index { get; set; }
    public ReadOnlyMemory<byte> Utf8 { get; set; }
    public ReadOnlyMemory<byte> ToolCallId { get; set; }
    public TokenSpan Tokens { get; set; }
    public ReadOnlyMemory<TokenLogProb> LogProbs { get; set; }
    public ReadOnlyMemory<float> Vector { get; set; }
    public FinishReason FinishReason { get; set; }

    /// <summary>Of the first and the last event.</summary>
    public NumericsProfile Numerics { get; set; }
    public RefusalReason Refusal { get; set; }

    /// <summary>Of the last or only event, when it was no success.</summary>
    public ModelError Error { get; set; }

    /// <summary>Of the last event what the call used; of <see cref="EventKind.Started"/> the prompt's tokens, with those of its cache.</summary>
    public Usage Usage { get; set; }
    public UsageQuality Quality { get; set; }

    /// <summary>Becomes an event of the answer. Its memory is used until it is written.</summary>
    /// <exception cref="ArgumentException">A provider's own bytes (<see cref="EventKind.Wire"/>) are no event of an answer between boxes.</exception>
    public void Take(in ModelEvent item)
    {
        if (item.Kind == EventKind.Wire)
        {
            throw new ArgumentException("A provider's own bytes do not travel between boxes: send the events read from them.", nameof(item));
        }

        Kind = InferEventKind.Item;
        EventKind = item.Kind;
        Choice = item.Choice;
        (Index, Usage) = item.Kind == EventKind.Started ? (0, item.ToPrompt()) : (item.Index, default);
        Utf8 = item.Utf8;
        ToolCallId = item.ToolCallId;
        Tokens = item.Tokens;
        LogProbs = item.LogProbs;
        Vector = item.Vector;
        FinishReason = item.Reason;
    }

    /// <summary>The event of the answer that this is; valid until the message is reset.</summary>
    public ModelEvent ToModelEvent() => new()
    {
        Kind = EventKind,
        Choice = Choice,
        Index = EventKind == EventKind.Started ? Usage.InputTokens : Index,
        CachedTokens = EventKind == EventKind.Started ? Usage.CachedInputTokens : 0,
        CacheWriteTokens = EventKind == EventKind.Started ? Usage.CacheWriteTokens : 0,
        Utf8 = Utf8,
        ToolCallId = ToolCallId,
        Tokens = Tokens,
        LogProbs = LogProbs,
        Vector = Vector,
        Reason = FinishReason,
    };

    /// <summary>Becomes the last event.</summary>
    public void Take(in CallResult result)
    {
        Kind = InferEventKind.Ended;
        Error = result.Error;
        FinishReason = result.Reason;
        Usage = result.Usage;
        Quality = result.Quality;
        Numerics = result.Numerics;
    }

    /// <summary>How the answer ended.</summary>
    public CallResult ToResult() => new() { Error = Error, Reason = FinishReason, Usage = Usage, Quality = Quality, Numerics = Numerics };

    public static bool TryRead(ReadOnlySpan<byte> body, InferEvent into, out WireError error)
    {
        into.Reset();
        var reader = into._body.Open(body, Name);
        into.Read(ref reader);
        if (!reader.Finish(Name, out error))
        {
            into.Reset();
        }

        return error.IsNone;
    }

    public void Reset()
    {
        Stream = 0;
        Sequence = 0;
        Kind = InferEventKind.Accepted;
        EventKind = EventKind.Started;
        Choice = 0;
        Index = 0;
        Utf8 = default;
        ToolCallId = default;
        Tokens = default;
        LogProbs = default;
        Vector = default;
        FinishReason = FinishReason.None;
        Numerics = default;
        Refusal = RefusalReason.None;
        Error = default;
        Usage = default;
        Quality = UsageQuality.Exact;
        ResetNumbers();
        _body.Reset();
    }

    public void Dispose() => _body.Dispose();
}
