using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// <c>input</c> of embeddings in all of OpenAI's forms: a text, an array of texts, an array of token ids, or an array of such arrays. Ids are those of the model that is
/// asked; only the box's own models take them.
/// </summary>
internal static class EmbedInputs
{
    private const string Name = "input";
    private const string Forms = "a string, or an array of strings, of token ids, or of arrays of token ids";

    public static bool Read(ref ChatReader chat)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            return VectorRequestParser.Add(ref chat, Name, chat.Text());
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray || !chat.Reader.Read())
        {
            return chat.WrongType(Name, Forms);
        }

        var ids = new List<int>();
        var isRead = chat.Reader.TokenType switch
        {
            JsonTokenType.Number => ReadIds(ref chat, ids),
            JsonTokenType.StartArray => ReadArrays(ref chat, ids),
            _ => ReadTexts(ref chat),
        };
        chat.Request.PromptTokens = ids.ToArray();
        return isRead;
    }

    private static bool ReadTexts(ref ChatReader chat)
    {
        for (; chat.Reader.TokenType != JsonTokenType.EndArray; chat.Reader.Read())
        {
            if (chat.Reader.TokenType != JsonTokenType.String)
            {
                return chat.WrongType(Name, Forms);
            }

            if (!VectorRequestParser.Add(ref chat, Name, chat.Text()))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ReadArrays(ref ChatReader chat, List<int> ids)
    {
        for (; chat.Reader.TokenType != JsonTokenType.EndArray; chat.Reader.Read())
        {
            if (chat.Reader.TokenType != JsonTokenType.StartArray)
            {
                return chat.WrongType(Name, Forms);
            }

            if (!chat.Reader.Read() || !ReadIds(ref chat, ids))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One text's ids, from the first to the array's end.</summary>
    private static bool ReadIds(ref ChatReader chat, List<int> ids)
    {
        var from = ids.Count;
        for (; chat.Reader.TokenType != JsonTokenType.EndArray; chat.Reader.Read())
        {
            if (!chat.Integer(Name, 0, int.MaxValue, out var id))
            {
                return false;
            }

            ids.Add((int)id);
        }

        if (ids.Count == from)
        {
            return chat.Fail("invalid_value", $"'{Name}' holds an empty text.", Name);
        }

        if (chat.Request.PromptLengths.Count >= VectorRequestParser.MaxInputs)
        {
            return chat.Fail("invalid_value", $"'{Name}' has more than {VectorRequestParser.MaxInputs} texts. Send several requests.", Name);
        }

        chat.Request.PromptLengths.Add(ids.Count - from);
        return true;
    }
}
