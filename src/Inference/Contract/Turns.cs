using Jesus.Transport.Buffers;

namespace Jesus.Inference.Contract;

public enum TurnRole : byte
{
    System,
    User,
    Assistant,
    Tool,
}

public enum PartKind : byte
{
    /// <summary><see cref="TurnPart.Text"/> is the text.</summary>
    Text,

    /// <summary><see cref="TurnPart.Text"/> is the image as a <c>data:</c> or <c>https:</c> URL.</summary>
    Image,

    /// <summary><see cref="TurnPart.Id"/>, <see cref="TurnPart.Name"/> and, in <see cref="TurnPart.Text"/>, the arguments as a JSON object.</summary>
    ToolCall,

    /// <summary><see cref="TurnPart.Id"/> of the call and, in <see cref="TurnPart.Text"/>, its result.</summary>
    ToolResult,

    /// <summary><see cref="TurnPart.Text"/> is the reasoning; <see cref="TurnPart.Signature"/> the provider's proof of it, if any.</summary>
    Reasoning,

    /// <summary><see cref="TurnPart.Signature"/> is reasoning that only the provider can read.</summary>
    RedactedReasoning,
}

/// <summary>The provider is asked to keep the prompt up to here in its cache (Anthropic's <c>cache_control</c>).</summary>
public enum CacheMark : byte
{
    None,
    FiveMinutes,
    OneHour,
}

/// <summary>One part of a turn. Slices belong to the request's arena.</summary>
public readonly record struct TurnPart(PartKind Kind, Utf8Slice Text, Utf8Slice Id = default, Utf8Slice Name = default, Utf8Slice Signature = default)
{
    /// <summary>For <see cref="PartKind.ToolResult"/>: the tool failed.</summary>
    public bool IsError { get; init; }

    /// <summary>This part (a text or an image) belongs to the <see cref="PartKind.ToolResult"/> before it: results may have several parts.</summary>
    public bool InResult { get; init; }
    public CacheMark Cache { get; init; }
}

/// <summary>One turn: its role and the range of its parts in <see cref="TurnList.Parts"/>.</summary>
public readonly record struct Turn(TurnRole Role, int FirstPart, int PartCount);

/// <summary>The conversation, flat: turns point into one list of parts, so a reset keeps both lists' storage.</summary>
public sealed class TurnList
{
    private readonly List<Turn> _turns = [];
    private readonly List<TurnPart> _parts = [];

    public int Count => _turns.Count;
    public Turn this[int index] => _turns[index];
    public IReadOnlyList<TurnPart> Parts => _parts;

    public ReadOnlySpan<TurnPart> PartsOf(int index) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_parts).Slice(_turns[index].FirstPart, _turns[index].PartCount);

    /// <summary>Begins a turn; the parts added next belong to it.</summary>
    public void Begin(TurnRole role) => _turns.Add(new Turn(role, _parts.Count, 0));

    /// <summary>Adds a part to the turn begun last.</summary>
    public void Add(in TurnPart part)
    {
        if (_turns.Count == 0)
        {
            throw new InvalidOperationException("A part needs a turn: call Begin first.");
        }

        _parts.Add(part);
        ref var turn = ref System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_turns)[^1];
        turn = turn with { PartCount = turn.PartCount + 1 };
    }

    public void Add(TurnRole role, Utf8Slice text)
    {
        Begin(role);
        Add(new TurnPart(PartKind.Text, text));
    }

    /// <summary>Replaces a part in place (redaction).</summary>
    public void Replace(int partIndex, TurnPart part) => _parts[partIndex] = part;

    public void CopyFrom(TurnList other)
    {
        Reset();
        _turns.AddRange(other._turns);
        _parts.AddRange(other._parts);
    }

    public void Reset()
    {
        _turns.Clear();
        _parts.Clear();
    }
}
