using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>The log probabilities of tokens, which both of OpenAI's APIs write alike: <c>{"token", "logprob", "bytes", "top_logprobs": [...]}</c>.</summary>
internal abstract partial class AnswerReader
{
    private readonly List<PendingLogProb> _pendingLogProbs = [];
    private TokenLogProb[] _logProbs = [];

    /// <summary>The value, a list of entries, is read for <see cref="AttachLogProbs"/>.</summary>
    protected void ReadLogProbs(ref Utf8JsonReader reader)
    {
        if (!JsonRead.BeginArray(ref reader))
        {
            return;
        }

        while (JsonRead.NextObject(ref reader))
        {
            ReadLogProb(ref reader);
        }
    }

    /// <summary>Log probabilities that were read for the object's last text event of a choice; a piece without text where there is none.</summary>
    protected void AttachLogProbs(int choice, int from)
    {
        if (from == _pendingLogProbs.Count)
        {
            return;
        }

        var range = from.._pendingLogProbs.Count;
        for (var i = _events.Count - 1; i >= 0; i--)
        {
            if (_events[i].Item.Choice == choice && _events[i].Item.Kind is EventKind.Text or EventKind.Refusal)
            {
                _events[i] = _events[i] with { LogProbs = range };
                return;
            }
        }

        Add(new ModelEvent { Kind = EventKind.Text, Choice = choice }, logProbs: range);
    }

    protected int LogProbCount => _pendingLogProbs.Count;

    private void AddLogProb(Range text, float logProb) => _pendingLogProbs.Add(new PendingLogProb(text, logProb, 0));

    /// <summary>The entries after this one are its alternatives.</summary>
    private void SetAlternatives(int index, int count) => _pendingLogProbs[index] = _pendingLogProbs[index] with { Alternatives = count };

    // The alternatives may stand before the token's own text, but the token's entry comes first: it is placed, then filled.
    private void ReadLogProb(ref Utf8JsonReader reader)
    {
        var (text, logProb) = TokenLogProbOf(reader);
        var own = LogProbCount;
        AddLogProb(text, logProb);
        var alternatives = 0;
        while (JsonRead.NextMember(ref reader))
        {
            if (!reader.ValueTextEquals("top_logprobs"u8))
            {
                JsonRead.Skip(ref reader);
            }
            else if (JsonRead.BeginArray(ref reader))
            {
                while (JsonRead.NextObject(ref reader))
                {
                    var (other, value) = TokenLogProbOf(reader);
                    AddLogProb(other, value);
                    alternatives++;
                    while (JsonRead.NextMember(ref reader))
                    {
                        JsonRead.Skip(ref reader);
                    }
                }
            }
        }

        SetAlternatives(own, alternatives);
    }

    /// <summary>Token and log probability of the object that a copy of the reader is in; the token's <c>bytes</c> where given, since a token may be half a character.</summary>
    private (Range Text, float LogProb) TokenLogProbOf(Utf8JsonReader reader)
    {
        var token = default(Range);
        var bytes = default(Range);
        var logProb = 0f;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("token"u8))
            {
                token = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("logprob"u8))
            {
                logProb = JsonRead.Float(ref reader);
            }
            else if (reader.ValueTextEquals("bytes"u8))
            {
                bytes = ReadBytes(ref reader);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        return (bytes.End.Value > bytes.Start.Value ? bytes : token, logProb);
    }

    private Range ReadBytes(ref Utf8JsonReader reader)
    {
        var from = Bytes.Length;
        if (JsonRead.BeginArray(ref reader))
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.Number)
            {
                JsonRead.Require(reader.TryGetByte(out var value));
                Bytes.Write(value);
            }
        }

        return from..Bytes.Length;
    }

    // The texts may move while an object is read; only then do the entries get their memory.
    private void PlaceLogProbs()
    {
        var count = _pendingLogProbs.Count;
        if (_logProbs.Length < count)
        {
            _logProbs = new TokenLogProb[Math.Max(64, count * 2)];
        }

        for (var i = 0; i < count; i++)
        {
            var pending = _pendingLogProbs[i];
            _logProbs[i] = new TokenLogProb(Bytes.Memory[pending.Text], pending.LogProb, pending.Alternatives);
        }
    }

    private readonly record struct PendingLogProb(Range Text, float LogProb, int Alternatives);
}
