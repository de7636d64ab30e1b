using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads a body of <c>POST /v1/completions</c> (OpenAI API reference, "Create completion").</summary>
internal static class CompletionRequestParser
{
    /// <summary>OpenAI's default of <c>max_tokens</c> on this path.</summary>
    private const int DefaultMaxTokens = 16;

    private static readonly FieldReader Reader = Read;
    private static readonly WholeCheck Whole = Check;

    public static ApiFailure Parse(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, out ChatWishes wishes)
    {
        var chat = new ChatReader(body, request, limits);
        var failure = RequestObject.Read(ref chat, FieldTables.Completions, Reader, Whole);
        wishes = chat.Wishes;
        return failure;
    }

    private static bool Read(ref ChatReader chat, FieldRule rule) => rule.Field switch
    {
        RequestField.Prompt => ReadPrompt(ref chat),
        RequestField.CompletionLogProbs => ReadLogProbs(ref chat),
        RequestField.Echo => chat.Boolean("echo", out var echo) && (!echo || RequestObject.Refuse(ref chat, rule)),
        RequestField.BestOf => chat.Integer("best_of", 1, 20, out var best) && Note(ref chat, (int)best),
        RequestField.Suffix => (chat.Reader.TokenType == JsonTokenType.String && chat.Text().IsEmpty) || RequestObject.Refuse(ref chat, rule),
        _ => RequestSettings.Read(ref chat, rule),
    };

    private static bool Check(ref ChatReader chat, ulong seen)
    {
        if (!RequestSettings.Check(ref chat, seen))
        {
            return false;
        }

        if (chat.Request.Inputs.Count == 0 && chat.Request.PromptTokens.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", "'prompt' is missing or empty: send a text, or the ids of its tokens.", "prompt");
        }

        if (chat.Wishes.BestOf > 1 && chat.Wishes.BestOf != chat.Request.Choices)
        {
            return chat.Fail("unsupported_parameter", "'best_of' is not supported here: answers are not compared. Leave it out, or ask for as many with 'n'.", "best_of");
        }

        chat.Request.TopLogProbs = chat.Wishes.LogProbs ? chat.Request.TopLogProbs : -1;
        chat.Request.MaxOutputTokens = chat.Request.MaxOutputTokens == 0 ? DefaultMaxTokens : chat.Request.MaxOutputTokens;
        chat.Request.Operation = ModelOperation.Generate;
        return true;
    }

    private static bool Note(ref ChatReader chat, int best)
    {
        chat.Wishes.BestOf = best;
        return true;
    }

    private static bool ReadLogProbs(ref ChatReader chat)
    {
        if (!chat.Integer("logprobs", 0, 5, out var value))
        {
            return false;
        }

        chat.Wishes.LogProbs = true;
        chat.Request.TopLogProbs = (int)value;
        return true;
    }

    private static bool ReadPrompt(ref ChatReader chat)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            return AddText(ref chat);
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray || !chat.Reader.Read())
        {
            return WrongType(ref chat);
        }

        var read = chat.Reader.TokenType switch
        {
            JsonTokenType.String => AddText(ref chat) && chat.Reader.Read(),
            JsonTokenType.StartArray => chat.Reader.Read() && ReadTokens(ref chat) && chat.Reader.Read(),
            JsonTokenType.Number => ReadTokens(ref chat),
            _ => chat.Reader.TokenType == JsonTokenType.EndArray || WrongType(ref chat),
        };
        return read && (chat.Reader.TokenType == JsonTokenType.EndArray
            || chat.Fail("unsupported_parameter", "'prompt' holds several prompts. Send one request for each.", "prompt"));
    }

    private static bool AddText(ref ChatReader chat)
    {
        var text = chat.Text();
        if (!text.IsEmpty)
        {
            chat.Request.Inputs.Add(text);
        }

        return true;
    }

    /// <summary>From the first number of an array to its end.</summary>
    private static bool ReadTokens(ref ChatReader chat)
    {
        var ids = new List<int>();
        for (; chat.Reader.TokenType != JsonTokenType.EndArray; chat.Reader.Read())
        {
            if (!chat.Integer("prompt", 0, int.MaxValue, out var id))
            {
                return false;
            }

            ids.Add((int)id);
        }

        chat.Request.PromptTokens = ids.ToArray();
        return true;
    }

    private static bool WrongType(ref ChatReader chat) => chat.WrongType("prompt", "a string, or an array of one string or of token ids");
}
