using System.Runtime.InteropServices;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>A piece of an answer: text, reasoning, the start of a tool call (its name), or the next bytes of the call's arguments.</summary>
/// <param name="Kind"><see cref="EventKind.Text"/>, <see cref="EventKind.Reasoning"/>, <see cref="EventKind.ToolCallStart"/> or <see cref="EventKind.ToolCallArguments"/>.</param>
/// <param name="Index">Which call, from 0; 0 for what is no call's.</param>
/// <param name="Start">Offset of its bytes in <see cref="AnswerParser.Bytes"/>.</param>
/// <param name="Length">In bytes.</param>
public readonly record struct AnswerPiece(EventKind Kind, int Index, int Start, int Length);

/// <summary>What came out of the bytes fed last.</summary>
internal sealed class AnswerPieces
{
    private readonly List<AnswerPiece> _pieces = [];
    private readonly List<byte> _bytes = [];

    public IReadOnlyList<AnswerPiece> Items => _pieces;

    public ReadOnlySpan<byte> Bytes => CollectionsMarshal.AsSpan(_bytes);

    /// <summary>How many calls have started.</summary>
    public int CallCount { get; private set; }

    public void Clear()
    {
        _pieces.Clear();
        _bytes.Clear();
    }

    public void Reset()
    {
        Clear();
        CallCount = 0;
    }

    public void StartCall(ReadOnlySpan<byte> name)
    {
        _pieces.Add(new AnswerPiece(EventKind.ToolCallStart, CallCount, _bytes.Count, name.Length));
        _bytes.AddRange(name);
        CallCount++;
    }

    /// <summary>Adds to the arguments of the call that started last.</summary>
    public void Argument(byte value) => Add(EventKind.ToolCallArguments, CallCount - 1, value);

    /// <summary>Neighbours of one kind become one piece.</summary>
    public void Add(EventKind kind, int index, byte value)
    {
        if (_pieces.Count > 0 && _pieces[^1].Kind == kind && _pieces[^1].Index == index)
        {
            _pieces[^1] = _pieces[^1] with { Length = _pieces[^1].Length + 1 };
        }
        else
        {
            _pieces.Add(new AnswerPiece(kind, index, _bytes.Count, 1));
        }

        _bytes.Add(value);
    }
}
