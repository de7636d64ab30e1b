using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// Turns one answer's tokens into events: bytes to whole characters, stop strings out, tool calls and reasoning apart from text. Reused by <see cref="Begin"/>.
/// </summary>
internal sealed class SequenceText(Tokenizer tokenizer)
{
    private readonly StreamingDetokenizer _detokenizer = new(tokenizer);
    private readonly StopMatcher _stops = new();
    private readonly AnswerParser _parser = new();
    private readonly ByteBuffer _characters = new();
    private readonly ByteBuffer _released = new();
    private readonly TokenBuffer _unsentIds = new(32);
    private float[] _unsentLogProbs = new float[32];
    private int _unsentLogProbCount;
    private readonly NamedLogProbs _unsentNamed = new();
    private AnswerQueue? _queue;
    private int _choice;
    private bool _parses;

    /// <summary>A stop string was found.</summary>
    public bool IsStopped => _stops.IsStopped;

    /// <summary>Tokens of <see cref="Append"/> that were reasoning.</summary>
    public int ReasoningTokens { get; private set; }

    public bool HasCalls => _parses && _parser.CallCount > 0;

    /// <summary>Why a tool call is malformed.</summary>
    public ModelError Error => _parses ? _parser.Error : default;

    /// <param name="choice">Which of the request's answers.</param>
    /// <param name="generation">Its stop strings and the form of its answers.</param>
    public void Begin(int choice, Generation generation)
    {
        _choice = choice;
        _parses = generation.ParsesCalls || generation.Form.IsAlwaysParsed;
        _detokenizer.Reset();
        _stops.Begin(generation.Stops);
        _parser.Begin(generation.Form, generation.ParsesCalls, generation.InReasoning);
        _unsentIds.Clear();
        _unsentLogProbCount = 0;
        ReasoningTokens = 0;
        _unsentNamed.Clear();
    }

    /// <summary>Takes a token that the client has already seen: the state moves, no event comes out.</summary>
    public void Replay(int token) => Take(token, null);

    /// <summary>Notes the log probability of the token that <see cref="Append"/> takes next, and those of its alternatives.</summary>
    public void Name(int token, float logProb, ReadOnlySpan<TokenAlternative> alternatives) =>
        _unsentNamed.Add(tokenizer.Vocabulary, token, logProb, alternatives);

    /// <summary>Takes a new token; events go to the queue.</summary>
    public void Append(int token, float logProb, AnswerQueue queue)
    {
        if (_unsentLogProbCount == _unsentLogProbs.Length)
        {
            Array.Resize(ref _unsentLogProbs, _unsentLogProbs.Length * 2);
        }

        _unsentLogProbs[_unsentLogProbCount++] = logProb;
        _unsentIds.Add(token);
        var isReasoning = _parses && _parser.IsReasoning;
        Take(token, queue);

        // The mark that opens reasoning is part of it, as is the one that closes it.
        ReasoningTokens += isReasoning || (_parses && _parser.IsReasoning) ? 1 : 0;
    }

    /// <summary>
    /// Lets go of what was held back and adds the finishing event. Returns how the answer ended: as told, with tool calls, or
    /// <see cref="FinishReason.Error"/> (and no event) when a tool call is malformed.
    /// </summary>
    public FinishReason Finish(FinishReason reason, AnswerQueue queue)
    {
        _queue = queue;
        _characters.Clear();
        _detokenizer.Finish(_characters);
        Release(_characters.Span, flush: true, endsStep: false);
        reason = _parses ? FinishCalls(reason) : reason;
        if (reason != FinishReason.Error)
        {
            Send(EventKind.Finished, 0, reason == FinishReason.StopSequence ? _stops.Met : default, default, reason, endsStep: true);
        }

        return reason;
    }

    /// <summary>A call cut off by the token limit is the limit's affair, not the call's.</summary>
    private FinishReason FinishCalls(FinishReason reason)
    {
        _parser.Finish();
        SendPieces(endsStep: false);
        return reason is not (FinishReason.Stop or FinishReason.StopSequence) ? reason
            : !_parser.Error.IsNone ? FinishReason.Error : HasCalls ? FinishReason.ToolCalls : reason;
    }

    private void Take(int token, AnswerQueue? queue)
    {
        _queue = queue;
        if (tokenizer.Vocabulary.TypeOf(token) == TokenType.Control)
        {
            TakeControl(token);
            return;
        }

        _characters.Clear();
        _detokenizer.Append(token, _characters);
        Release(_characters.Span, flush: false, endsStep: true);
    }

    private void TakeControl(int token)
    {
        if (!_parses)
        {
            return;
        }

        Release(default, flush: true, endsStep: false);
        _parser.FeedControl(tokenizer.Vocabulary.Bytes(token));
        SendPieces(endsStep: true);
    }

    /// <param name="endsStep">Nothing more comes out for this token.</param>
    private void Release(ReadOnlySpan<byte> characters, bool flush, bool endsStep)
    {
        _released.Clear();
        _stops.Feed(characters, _released);
        if (flush)
        {
            _stops.Flush(_released);
        }

        if (_released.Count == 0)
        {
            return;
        }

        if (!_parses)
        {
            Send(EventKind.Text, 0, _released.Span, default, FinishReason.None, endsStep);
            return;
        }

        _parser.Feed(_released.Span);
        SendPieces(endsStep);
    }

    private void SendPieces(bool endsStep)
    {
        Span<byte> callId = stackalloc byte[ToolCallIds.Length];
        for (var i = 0; i < _parser.Pieces.Count; i++)
        {
            var piece = _parser.Pieces[i];
            var isStart = piece.Kind == EventKind.ToolCallStart;
            if (isStart)
            {
                ToolCallIds.Next(callId);
            }

            Send(piece.Kind, piece.Index, _parser.Bytes.Slice(piece.Start, piece.Length), isStart ? callId : default, FinishReason.None, endsStep && i == _parser.Pieces.Count - 1);
        }
    }

    /// <summary>
    /// Ids go with the last event of a step alone, and never with what the end of the answer lets go of: an answer taken up again after the ids so far
    /// must stand exactly where this event left it.
    /// </summary>
    private void Send(EventKind kind, int index, ReadOnlySpan<byte> utf8, ReadOnlySpan<byte> callId, FinishReason reason, bool endsStep)
    {
        if (_queue is null)
        {
            return;
        }

        var tokens = new TokenRun(endsStep ? _unsentIds.Span : default, _unsentLogProbs.AsSpan(0, _unsentLogProbCount), _unsentNamed);
        _queue.Add(kind, _choice, index, utf8, callId, tokens, reason);
        _unsentLogProbCount = 0;
        _unsentNamed.Clear();
        if (endsStep)
        {
            _unsentIds.Clear();
        }
    }
}
