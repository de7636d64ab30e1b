using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// Reads a body of <c>POST /v1/chat/completions</c> (OpenAI API reference, "Create chat completion") straight into a <see cref="ModelRequest"/>:
/// unescaped strings are slices of the body, which the request then holds. What is not known or not honoured is refused by name.
/// </summary>
internal static class ChatRequestParser
{
    private static readonly FieldReader Reader = Read;
    private static readonly WholeCheck Whole = Check;

    /// <returns>The failure, or none; then <paramref name="request"/> is complete and points into <paramref name="body"/>.</returns>
    public static ApiFailure Parse(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, out ChatWishes wishes)
    {
        var chat = new ChatReader(body, request, limits);
        var failure = RequestObject.Read(ref chat, FieldTables.Chat, Reader, Whole);
        wishes = chat.Wishes;
        return failure;
    }

    private static bool Read(ref ChatReader chat, FieldRule rule) => rule.Field switch
    {
        RequestField.Messages => ChatMessages.ReadMessages(ref chat),
        RequestField.Tools => ChatTools.ReadTools(ref chat),
        RequestField.Functions => ChatTools.ReadFunctions(ref chat),
        RequestField.ToolChoice => ChatToolChoice.Read(ref chat),
        RequestField.ResponseFormat => ChatFormat.ReadResponseFormat(ref chat),
        RequestField.Inputs => ChatFormat.ReadInputs(ref chat),
        RequestField.LogProbs => ReadLogProbs(ref chat),
        RequestField.TopLogProbs => ReadTopLogProbs(ref chat),
        RequestField.ParallelToolCalls => ReadParallel(ref chat),
        RequestField.ReasoningEffort => ReadEffort(ref chat),
        RequestField.Verbosity => ReadVerbosity(ref chat),
        RequestField.Store => chat.Boolean("store", out var keep) && (!keep || chat.Forward("store")),
        RequestField.ServiceTier => ReadServiceTier(ref chat, rule),
        RequestField.Modalities => ReadModalities(ref chat),
        _ => RequestSettings.Read(ref chat, rule),
    };

    private static bool Check(ref ChatReader chat, ulong seen)
    {
        if (!RequestSettings.Check(ref chat, seen))
        {
            return false;
        }

        if (chat.Request.Turns.Count == 0)
        {
            return chat.Fail("missing_required_parameter", "'messages' is missing or empty: send at least one message.", "messages");
        }

        if (chat.Request.TopLogProbs > 0 && !chat.Wishes.LogProbs)
        {
            return chat.Fail("invalid_parameter", "'top_logprobs' needs 'logprobs': true.", "top_logprobs");
        }

        if (!ChatToolChoice.Check(ref chat))
        {
            return false;
        }

        chat.Request.TopLogProbs = chat.Wishes.LogProbs ? Math.Max(0, chat.Request.TopLogProbs) : -1;
        chat.Request.Operation = ModelOperation.Generate;
        if (!chat.Wishes.InOtherWords)
        {
            chat.Request.Body = chat.Body;
            chat.Request.BodyShape = ApiShape.OpenAiChat;
        }

        return true;
    }

    private static bool ReadLogProbs(ref ChatReader chat)
    {
        var ok = chat.Boolean("logprobs", out var value);
        chat.Wishes.LogProbs = value;
        return ok;
    }

    private static bool ReadTopLogProbs(ref ChatReader chat)
    {
        var ok = chat.Integer("top_logprobs", 0, 20, out var value);
        chat.Request.TopLogProbs = (int)value;
        return ok;
    }

    private static bool ReadParallel(ref ChatReader chat)
    {
        var ok = chat.Boolean("parallel_tool_calls", out var value);
        chat.Wishes.ParallelToolCalls = value;
        chat.Request.ParallelToolCalls = value;
        return ok;
    }

    private static bool ReadEffort(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType("reasoning_effort", "a string");
        }

        var effort = EffortOf(chat.Text());
        chat.Request.Reasoning = chat.Request.Reasoning with { Effort = effort };
        return effort != ReasoningEffort.Unset || chat.Fail("invalid_value",
            $"'reasoning_effort' is '{chat.Reader.GetString()}'; none, minimal, low, medium, high, xhigh or max is allowed.", "reasoning_effort");
    }

    /// <summary><see cref="ReasoningEffort.Unset"/> for a word that is none of OpenAI's. Where max and xhigh differ, the forwarded body says which.</summary>
    public static ReasoningEffort EffortOf(Utf8Slice word) =>
        word.Equals("none"u8) ? ReasoningEffort.None
        : word.Equals("minimal"u8) ? ReasoningEffort.Minimal
        : word.Equals("low"u8) ? ReasoningEffort.Low
        : word.Equals("medium"u8) ? ReasoningEffort.Medium
        : word.Equals("high"u8) ? ReasoningEffort.High
        : word.Equals("xhigh"u8) || word.Equals("max"u8) ? ReasoningEffort.Highest : ReasoningEffort.Unset;

    private static bool ReadVerbosity(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType("verbosity", "a string");
        }

        return chat.Reader.ValueTextEquals("medium"u8) || chat.Forward("verbosity");
    }

    private static bool ReadServiceTier(ref ChatReader chat, FieldRule rule)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType("service_tier", "a string");
        }

        if (chat.Reader.ValueTextEquals("auto"u8) || chat.Reader.ValueTextEquals("default"u8))
        {
            return true;
        }

        return chat.Reader.ValueTextEquals("flex"u8) ? chat.Forward("service_tier") : RequestObject.Refuse(ref chat, rule);
    }

    private static bool ReadModalities(ref ChatReader chat) =>
        (chat.Reader.TokenType == JsonTokenType.StartArray && chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.String && chat.Reader.ValueTextEquals("text"u8)
            && chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.EndArray)
        || chat.Fail("unsupported_parameter", "'modalities' can only be [\"text\"] here.", "modalities");
}
