using System.Buffers;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Cache;

/// <summary>
/// Stands before a caller's sink and keeps a copy of what the caller is given, up to a number of bytes. One call at a time: owned by it from
/// <see cref="Begin"/> to <see cref="Reset"/>.
/// </summary>
public sealed class AnswerRecorder : IAnswerSink
{
    private readonly ArrayBufferWriter<byte> _bytes = new(4096);
    private readonly List<Piece> _pieces = [];
    private IAnswerSink? _reader;
    private long _bytesMax;
    private bool _tooLong;

    public void Begin(IAnswerSink? reader, long bytesMax)
    {
        Reset();
        _reader = reader;
        _bytesMax = bytesMax;
    }

    public ValueTask WriteAsync(ModelEvent item)
    {
        Keep(item);
        return _reader?.WriteAsync(item) ?? ValueTask.CompletedTask;
    }

    /// <summary>The whole answer; null when it was longer than may be kept, or ended otherwise than by the model's own will or its limit.</summary>
    public CachedAnswer? Finish(ModelRequest request, string candidate, FinishReason reason, in Usage usage)
    {
        if (_tooLong || _pieces.Count == 0)
        {
            return null;
        }

        var bytes = _bytes.WrittenSpan.ToArray();
        var events = new ModelEvent[_pieces.Count];
        long more = 0;
        var wired = false;
        for (var i = 0; i < events.Length; i++)
        {
            var piece = _pieces[i];
            events[i] = piece.Item with { Utf8 = bytes.AsMemory()[piece.Text], ToolCallId = bytes.AsMemory()[piece.Id] };
            more += piece.More;
            wired |= piece.Item.Kind == EventKind.Wire;
            if (piece.Item.Kind == EventKind.Finished && !IsWhole(piece.Item.Reason))
            {
                return null;
            }
        }

        return new CachedAnswer(events, bytes.Length + more)
        {
            ForwardedBody = wired ? CachedAnswer.BodyOf(request) : null,
            Candidate = candidate,
            Reason = reason,
            Usage = usage,
        };
    }

    public void Reset()
    {
        _reader = null;
        _pieces.Clear();
        _tooLong = false;
        if (_bytes.Capacity > KeptBytesMax)
        {
            _bytes.Clear();
        }
        else
        {
            _bytes.ResetWrittenCount();
        }
    }

    /// <summary>A refusal or a pause is no answer that the next caller should be given without asking.</summary>
    private static bool IsWhole(FinishReason reason) =>
        reason is FinishReason.Stop or FinishReason.StopSequence or FinishReason.ToolCalls or FinishReason.Length;

    private void Keep(in ModelEvent item)
    {
        var more = (item.Vector.Length * (long)sizeof(float)) + (item.Tokens.Ids.Length * (long)sizeof(int)) + (item.Tokens.LogProbs.Length * (long)sizeof(float));
        foreach (var token in item.LogProbs.Span)
        {
            more += token.Text.Length + LogProbBytes;
        }

        if (_tooLong || _bytes.WrittenCount + item.Utf8.Length + item.ToolCallId.Length + more > _bytesMax)
        {
            _tooLong = true;
            return;
        }

        var text = Copy(item.Utf8.Span);
        var id = Copy(item.ToolCallId.Span);
        _pieces.Add(new Piece(
            item with
            {
                Utf8 = default,
                ToolCallId = default,
                Vector = item.Vector.ToArray(),
                Tokens = new TokenSpan(item.Tokens.Ids.ToArray(), item.Tokens.LogProbs.ToArray()),
                LogProbs = Copy(item.LogProbs.Span),
            },
            text, id, more));
    }

    private Range Copy(ReadOnlySpan<byte> bytes)
    {
        var from = _bytes.WrittenCount;
        _bytes.Write(bytes);
        return from.._bytes.WrittenCount;
    }

    private static TokenLogProb[] Copy(ReadOnlySpan<TokenLogProb> tokens)
    {
        if (tokens.IsEmpty)
        {
            return [];
        }

        var copy = tokens.ToArray();
        for (var i = 0; i < copy.Length; i++)
        {
            copy[i] = copy[i] with { Text = copy[i].Text.ToArray() };
        }

        return copy;
    }

    /// <summary>An entry and the array of its text.</summary>
    private const int LogProbBytes = 56;

    /// <summary>A recorder that once kept a long answer does not go on holding its memory.</summary>
    private const int KeptBytesMax = 256 * 1024;

    private readonly record struct Piece(ModelEvent Item, Range Text, Range Id, long More);
}
