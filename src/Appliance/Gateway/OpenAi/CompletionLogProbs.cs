using System.Buffers;
using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>The log probabilities of one choice of a plain completion, whose JSON has them as four arrays beside each other.</summary>
internal sealed class CompletionLogProbs
{
    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly List<(int Start, int Length, float LogProb, int Alternatives)> _tokens = [];

    /// <summary>Characters of the answer before the first of these tokens.</summary>
    public int Offset { get; set; }

    public void Add(in ModelEvent item)
    {
        if (item.LogProbs.IsEmpty && !item.Tokens.LogProbs.IsEmpty)
        {
            Add(item.Utf8.Span, ChatJson.Sum(item.Tokens.LogProbs.Span), 0);
        }

        foreach (var token in item.LogProbs.Span)
        {
            Add(token.Text.Span, token.LogProb, token.Alternatives);
        }
    }

    /// <summary>Writes and forgets them.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("logprobs"u8);
        WriteTokens(json);
        WriteNumbers(json);
        WriteAlternatives(json);
        WriteOffsets(json);
        json.WriteEndObject();
        _text.ResetWrittenCount();
        _tokens.Clear();
    }

    private void Add(ReadOnlySpan<byte> text, float logProb, int alternatives)
    {
        _tokens.Add((_text.WrittenCount, text.Length, logProb, alternatives));
        _text.Write(text);
    }

    private ReadOnlySpan<byte> TextOf(int token) => _text.WrittenSpan.Slice(_tokens[token].Start, _tokens[token].Length);

    private int Next(int token) => token + 1 + _tokens[token].Alternatives;

    private void WriteTokens(Utf8JsonWriter json)
    {
        json.WriteStartArray("tokens"u8);
        for (var i = 0; i < _tokens.Count; i = Next(i))
        {
            json.WriteStringValue(TextOf(i));
        }

        json.WriteEndArray();
    }

    private void WriteNumbers(Utf8JsonWriter json)
    {
        json.WriteStartArray("token_logprobs"u8);
        for (var i = 0; i < _tokens.Count; i = Next(i))
        {
            json.WriteNumberValue(_tokens[i].LogProb);
        }

        json.WriteEndArray();
    }

    private void WriteAlternatives(Utf8JsonWriter json)
    {
        json.WriteStartArray("top_logprobs"u8);
        for (var i = 0; i < _tokens.Count; i = Next(i))
        {
            json.WriteStartObject();
            for (var k = i + 1; k < Next(i); k++)
            {
                json.WriteNumber(TextOf(k), _tokens[k].LogProb);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteOffsets(Utf8JsonWriter json)
    {
        json.WriteStartArray("text_offset"u8);
        for (var i = 0; i < _tokens.Count; i = Next(i))
        {
            json.WriteNumberValue(Offset);
            Offset += Characters(TextOf(i));
        }

        json.WriteEndArray();
    }

    private static int Characters(ReadOnlySpan<byte> utf8)
    {
        var count = 0;
        foreach (var value in utf8)
        {
            count += (value & 0xC0) == 0x80 ? 0 : 1;
        }

        return count;
    }
}
