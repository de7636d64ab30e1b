using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>A piece of an answer: text, the start of a tool call (its name), or the next bytes of the call's arguments.</summary>
/// <param name="Kind"><see cref="EventKind.Text"/>, <see cref="EventKind.ToolCallStart"/> or <see cref="EventKind.ToolCallArguments"/>.</param>
/// <param name="Index">Which call, from 0.</param>
/// <param name="Start">Offset of its bytes in <see cref="AnswerParser.Bytes"/>.</param>
/// <param name="Length">In bytes.</param>
public readonly record struct AnswerPiece(EventKind Kind, int Index, int Start, int Length);

/// <summary>
/// Splits generated text into text and tool calls, byte by byte as it arrives. Feed, then read <see cref="Pieces"/>, then feed again
/// (which drops the pieces read). Reused by <see cref="Reset"/>.
/// </summary>
public sealed class AnswerParser
{
    private readonly List<AnswerPiece> _pieces = [];

    public IReadOnlyList<AnswerPiece> Pieces => _pieces;

    /// <summary>Storage of the pieces; valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => default;

    /// <summary>How many calls have started.</summary>
    public int CallCount => 0;

    /// <summary>Why the answer is malformed; none so far.</summary>
    public ModelError Error => default;

    /// <summary>Generated text: whole UTF-8 characters or not.</summary>
    public void Feed(ReadOnlySpan<byte> utf8) => _pieces.Clear();

    /// <summary>A control token, by the text it is written as.</summary>
    public void FeedControl(ReadOnlySpan<byte> text) => _pieces.Clear();

    /// <summary>The answer has ended: lets go of what was held back, and reports a call that was left open.</summary>
    public void Finish() => _pieces.Clear();

    public void Reset() => _pieces.Clear();
}
