using System.Text;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Translation;

/// <summary>Random answers as an adapter gives them, in pieces cut anywhere between characters.</summary>
internal sealed class AnswerDice(int seed)
{
    private static readonly string[] Texts = ["Hello", " wörld 🌍", "\"quoted\"\n", "data: x\n\n", "\\u0041 \u0001", "[DONE]", " "];
    private static readonly string[] Arguments = ["{}", """{"city":"Köln","n":[1,2.5,null]}""", """{"text":"a \"b\" \\ \n 🌍"}"""];

    private readonly TestDice _dice = new(seed);

    /// <param name="signed">With the provider's proofs of its reasoning, which only Anthropic's shape can carry.</param>
    public (List<ModelEvent> Events, FinishReason Reason, Usage Usage) Next(bool signed)
    {
        var events = new List<ModelEvent> { new() { Kind = EventKind.Started } };
        if (_dice.Next(3) == 0)
        {
            Reason(events, signed);
        }

        if (_dice.Next(4) > 0)
        {
            Pieces(events, EventKind.Text, 0, string.Concat(Enumerable.Range(0, 1 + _dice.Next(4)).Select(_ => Pick(Texts))));
        }

        var calls = _dice.Next(4);
        for (var i = 0; i < calls; i++)
        {
            events.Add(new ModelEvent { Kind = EventKind.ToolCallStart, Index = i, Utf8 = Bytes($"tool_{_dice.Next(3)}"), ToolCallId = Bytes($"toolu_{i}-x") });
            Pieces(events, EventKind.ToolCallArguments, i, Pick(Arguments));
        }

        var reason = calls > 0 ? FinishReason.ToolCalls : _dice.Next(4) switch { 0 => FinishReason.Length, 1 when signed => FinishReason.StopSequence, _ => FinishReason.Stop };
        events.Add(new ModelEvent { Kind = EventKind.Finished, Reason = reason, Utf8 = reason == FinishReason.StopSequence ? Bytes("END\n") : default });
        var cached = _dice.Next(50);
        return (events, reason, new Usage { InputTokens = cached + _dice.Next(1000), CachedInputTokens = cached, OutputTokens = 1 + _dice.Next(500) });
    }

    private void Reason(List<ModelEvent> events, bool signed)
    {
        Pieces(events, EventKind.Reasoning, 0, Pick(Texts) + Pick(Texts));
        if (signed)
        {
            events.Add(new ModelEvent { Kind = EventKind.ReasoningSignature, Utf8 = Bytes("c2ln+/=") });
        }

        if (signed && _dice.Next(2) == 0)
        {
            events.Add(new ModelEvent { Kind = EventKind.RedactedReasoning, Utf8 = Bytes("b3BhcXVl") });
        }
    }

    private void Pieces(List<ModelEvent> events, EventKind kind, int index, string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        for (var at = 0; at < runes.Length;)
        {
            var count = Math.Min(runes.Length - at, 1 + _dice.Next(6));
            events.Add(new ModelEvent { Kind = kind, Index = index, Utf8 = Bytes(string.Concat(runes.Skip(at).Take(count))) });
            at += count;
        }
    }

    private string Pick(string[] from) => from[_dice.Next(from.Length)];

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
