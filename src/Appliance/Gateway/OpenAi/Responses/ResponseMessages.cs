using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Reads message items and the parts of contents.</summary>
internal static class ResponseMessages
{
    public static bool Read(ref ChatReader chat, string where, bool isOurs)
    {
        Utf8Slice role = default;
        Utf8JsonReader content = default;
        var hasContent = false;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("content"u8))
            {
                chat.Reader.Read();
                hasContent = chat.Reader.TokenType != JsonTokenType.Null;
                content = chat.Reader;
                chat.Reader.Skip();
            }
            else if (!(chat.Reader.ValueTextEquals("role"u8) ? chat.NextText(where + ".role", out role)
                : chat.Reader.ValueTextEquals("phase"u8) ? chat.SkipNext() : ResponseItems.Other(ref chat, where, isOurs)))
            {
                return false;
            }
        }

        if (!RoleOf(role, out var turnRole))
        {
            return chat.Fail("invalid_value", $"'{where}.role' must be user, assistant, system or developer.", where + ".role");
        }

        if (!hasContent)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.content' is missing.", where + ".content");
        }

        Begin(chat.Request.Turns, turnRole);
        var end = chat.Reader;
        chat.Reader = content;
        var done = ReadContent(ref chat, where + ".content", isOurs);
        chat.Reader = end;
        return done;
    }

    /// <summary>A tool's result: a text, or parts of which the first carries the call's id and the others belong to it.</summary>
    public static bool ReadResult(ref ChatReader chat, string where, Utf8Slice callId, bool isOurs)
    {
        var turns = chat.Request.Turns;
        turns.Begin(TurnRole.Tool);
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            turns.Add(new TurnPart(PartKind.ToolResult, chat.Text(), callId));
            return true;
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType(where, "a string or an array of parts");
        }

        var index = 0;
        for (; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (!ReadPart(ref chat, $"{where}[{index}]", isOurs, out var part))
            {
                return false;
            }

            if (index == 0)
            {
                turns.Add(new TurnPart(PartKind.ToolResult, part.Kind == PartKind.Text ? part.Text : default, callId));
            }

            if (index > 0 || part.Kind != PartKind.Text)
            {
                turns.Add(part with { InResult = true });
            }
        }

        if (index == 0)
        {
            turns.Add(new TurnPart(PartKind.ToolResult, default, callId));
        }

        return true;
    }

    /// <summary>The next value: an array of parts with a <c>text</c> each, joined by blank lines; null is none.</summary>
    public static bool ReadTexts(ref ChatReader chat, string where, out Utf8Slice joined)
    {
        joined = default;
        chat.Reader.Read();
        if (chat.Reader.TokenType == JsonTokenType.Null)
        {
            return true;
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType(where, "an array");
        }

        for (var index = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (!ReadPart(ref chat, $"{where}[{index}]", true, out var part))
            {
                return false;
            }

            joined = joined.IsEmpty ? part.Text : Join(chat.Request.Text, joined, part.Text);
        }

        return true;
    }

    private static Utf8Slice Join(Utf8Arena arena, Utf8Slice first, Utf8Slice second)
    {
        var room = arena.Allocate(first.Length + 2 + second.Length);
        first.Span.CopyTo(room.Span);
        "\n\n"u8.CopyTo(room.Span[first.Length..]);
        second.Span.CopyTo(room.Span[(first.Length + 2)..]);
        return new Utf8Slice(room);
    }

    private static bool ReadContent(ref ChatReader chat, string where, bool isOurs)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            chat.Request.Turns.Add(new TurnPart(PartKind.Text, chat.Text()));
            return true;
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType(where, "a string or an array of parts");
        }

        for (var index = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (!ReadPart(ref chat, $"{where}[{index}]", isOurs, out var part))
            {
                return false;
            }

            chat.Request.Turns.Add(part);
        }

        return true;
    }

    /// <summary>One part: <c>input_text</c>, <c>output_text</c>, <c>refusal</c> and the texts of reasoning are texts, <c>input_image</c> an image.</summary>
    private static bool ReadPart(ref ChatReader chat, string where, bool isOurs, out TurnPart part)
    {
        part = default;
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        Utf8Slice type = default, text = default, url = default, file = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText(where + ".type", out type)
                : chat.Reader.ValueTextEquals("text"u8) || chat.Reader.ValueTextEquals("refusal"u8) ? chat.NextText(where + ".text", out text)
                : chat.Reader.ValueTextEquals("image_url"u8) ? chat.NextText(where + ".image_url", out url)
                : chat.Reader.ValueTextEquals("file_id"u8) ? chat.NextText(where + ".file_id", out file)
                : chat.Reader.ValueTextEquals("annotations"u8) || chat.Reader.ValueTextEquals("logprobs"u8) || chat.Reader.ValueTextEquals("detail"u8)
                    || IsOfFile(chat.Reader) ? chat.SkipNext()
                : ResponseItems.Other(ref chat, where, isOurs);
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("input_image"u8) && !url.IsEmpty)
        {
            part = new TurnPart(PartKind.Image, url);
            return true;
        }

        part = new TurnPart(PartKind.Text, text);
        return IsText(type) || OnlyForwarded(ref chat, where, type, file);
    }

    /// <summary>Files, sounds and images that lie with a provider.</summary>
    private static bool OnlyForwarded(ref ChatReader chat, string where, Utf8Slice type, Utf8Slice file)
    {
        if (type.Equals("input_image"u8) && file.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.image_url' is missing.", where + ".image_url");
        }

        if (type.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.type' is missing.", where + ".type");
        }

        chat.NoteForwarded(file.IsEmpty ? $"{where} ({type})" : where + ".file_id");
        return true;
    }

    private static bool IsOfFile(in Utf8JsonReader reader) => reader.ValueTextEquals("file_data"u8) || reader.ValueTextEquals("file_url"u8)
        || reader.ValueTextEquals("filename"u8) || reader.ValueTextEquals("input_audio"u8);

    private static bool IsText(Utf8Slice type) => type.Equals("input_text"u8) || type.Equals("output_text"u8) || type.Equals("refusal"u8)
        || type.Equals("summary_text"u8) || type.Equals("reasoning_text"u8) || type.Equals("text"u8);

    private static bool RoleOf(Utf8Slice role, out TurnRole turnRole)
    {
        turnRole = role.Equals("user"u8) ? TurnRole.User : role.Equals("assistant"u8) ? TurnRole.Assistant : TurnRole.System;
        return turnRole != TurnRole.System || role.Equals("system"u8) || role.Equals("developer"u8);
    }

    /// <summary>An assistant's message joins the reasoning before it; every other message is a turn of its own.</summary>
    private static void Begin(TurnList turns, TurnRole role)
    {
        var last = turns.Count - 1;
        if (role != TurnRole.Assistant || last < 0 || turns[last].Role != TurnRole.Assistant || !IsReasoningOnly(turns, last))
        {
            turns.Begin(role);
        }
    }

    private static bool IsReasoningOnly(TurnList turns, int index)
    {
        foreach (ref readonly var part in turns.PartsOf(index))
        {
            if (part.Kind is not (PartKind.Reasoning or PartKind.RedactedReasoning))
            {
                return false;
            }
        }

        return true;
    }
}
