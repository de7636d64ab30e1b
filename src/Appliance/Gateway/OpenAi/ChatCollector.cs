using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// Collects a whole answer, then writes it as one chat completion object. Owned by a <see cref="ChatExchange"/>, which resets it and lends it its writer.
/// </summary>
internal sealed class ChatCollector(Utf8JsonWriter entryJson) : IAnswerSink
{
    /// <summary>A choice of more text than this is an upstream gone wild; the call fails rather than fill the memory.</summary>
    private const int MaxChoiceBytes = 64 * 1024 * 1024;

    private readonly List<ChatChoice> _choices = [];
    private readonly ArrayBufferWriter<byte> _entry = new();
    private int _used;

    public bool ParallelToolCalls { get; set; } = true;

    /// <summary>The provider's own body, where the caller's was sent on as it came: it goes back as it is.</summary>
    public ArrayBufferWriter<byte> Wire { get; } = new();

    public IReadOnlyList<ChatChoice> Choices
    {
        get
        {
            _ = Choice(0);
            return _choices;
        }
    }

    public int ChoiceCount => Math.Max(1, _used);

    /// <exception cref="InvalidDataException">The answer passed <see cref="MaxChoiceBytes"/>.</exception>
    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Wire)
        {
            if (item.Shape == ApiShape.OpenAiChat)
            {
                Wire.Write(item.Utf8.Span);
                Limit(Wire);
            }

            return ValueTask.CompletedTask;
        }

        if (!item.InWire || Wire.WrittenCount == 0)
        {
            Collect(item);
        }

        return ValueTask.CompletedTask;
    }

    public void Write(Utf8JsonWriter json, string id, long createdUnixSeconds, in ChatWishes wishes, in Outcome outcome)
    {
        ChatJson.WriteHead(json, "chat.completion"u8, id, createdUnixSeconds, wishes.Model);
        json.WriteStartArray("choices"u8);
        for (var i = 0; i < ChoiceCount; i++)
        {
            WriteChoice(json, i, Choices[i], wishes.LogProbs, outcome.Reason);
        }

        json.WriteEndArray();
        ChatJson.WriteUsage(json, outcome.Usage);
        json.WriteEndObject();
    }

    public void Reset()
    {
        for (var i = 0; i < _used; i++)
        {
            _choices[i].Reset();
        }

        _used = 0;
        Wire.ResetWrittenCount();
        ParallelToolCalls = true;
    }

    private void Collect(in ModelEvent item)
    {
        var choice = Choice(item.Choice);
        switch (item.Kind)
        {
            case EventKind.Text:
                choice.Text.Write(item.Utf8.Span);
                AddLogProbs(choice, item);
                break;
            case EventKind.Refusal:
                choice.Refusal.Write(item.Utf8.Span);
                break;
            case EventKind.Reasoning:
                choice.Reasoning.Write(item.Utf8.Span);
                break;
            case EventKind.ToolCallStart when Wanted(item):
                choice.StartCall(item.ToolCallId.Span, item.Utf8.Span);
                break;
            case EventKind.ToolCallArguments when Wanted(item) && item.Index < choice.Calls.Count:
                choice.Calls[item.Index].Arguments.Write(item.Utf8.Span);
                break;
            case EventKind.Finished:
                choice.Reason = item.Reason;
                break;
            default:
                break;
        }

        Limit(choice.Text);
    }

    private void AddLogProbs(ChatChoice choice, in ModelEvent item)
    {
        if (!ChatJson.HasLogProbs(item))
        {
            return;
        }

        _entry.ResetWrittenCount();
        entryJson.Reset(_entry);
        ChatJson.WriteLogProbs(entryJson, item);
        entryJson.Flush();
        if (choice.LogProbs.WrittenCount > 0)
        {
            choice.LogProbs.Write(","u8);
        }

        choice.LogProbs.Write(_entry.WrittenSpan);
    }

    private static void Limit(ArrayBufferWriter<byte> text)
    {
        if (text.WrittenCount > MaxChoiceBytes)
        {
            throw new InvalidDataException($"The answer is longer than {MaxChoiceBytes} bytes.");
        }
    }

    private bool Wanted(in ModelEvent item) => ParallelToolCalls || item.Index == 0;

    private ChatChoice Choice(int index)
    {
        while (_choices.Count <= index)
        {
            _choices.Add(new ChatChoice());
        }

        _used = Math.Max(_used, index + 1);
        return _choices[index];
    }

    private static void WriteChoice(Utf8JsonWriter json, int index, ChatChoice choice, bool logProbs, FinishReason fallback)
    {
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        json.WriteStartObject("message"u8);
        json.WriteString("role"u8, "assistant"u8);
        WriteText(json, "content"u8, choice.Text, choice.Calls.Count > 0 || choice.Refusal.WrittenCount > 0);
        WriteText(json, "refusal"u8, choice.Refusal, true);
        if (choice.Reasoning.WrittenCount > 0)
        {
            json.WriteString("reasoning_content"u8, choice.Reasoning.WrittenSpan);
        }

        WriteCalls(json, choice);
        json.WriteEndObject();
        WriteLogProbs(json, choice, logProbs);
        ChatJson.WriteReason(json, choice.Reason == FinishReason.None ? fallback : choice.Reason, choice.Refusal.WrittenCount > 0);
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> name, ArrayBufferWriter<byte> text, bool nullWhenEmpty)
    {
        if (text.WrittenCount == 0 && nullWhenEmpty)
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteString(name, text.WrittenSpan);
        }
    }

    private static void WriteCalls(Utf8JsonWriter json, ChatChoice choice)
    {
        if (choice.Calls.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tool_calls"u8);
        foreach (var call in choice.Calls)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, call.Id.WrittenSpan);
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            json.WriteString("name"u8, call.Name.WrittenSpan);
            json.WriteString("arguments"u8, call.Arguments.WrittenSpan);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteLogProbs(Utf8JsonWriter json, ChatChoice choice, bool wanted)
    {
        if (!wanted)
        {
            json.WriteNull("logprobs"u8);
            return;
        }

        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("content"u8);
        if (choice.LogProbs.WrittenCount > 0)
        {
            json.WriteRawValue(choice.LogProbs.WrittenSpan, skipInputValidation: true);
        }

        json.WriteEndArray();
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
    }
}
