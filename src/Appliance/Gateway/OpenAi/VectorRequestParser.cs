using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads bodies of <c>POST /v1/embeddings</c> (OpenAI API reference, "Create embeddings") and <c>POST /v1/rerank</c>.</summary>
internal static class VectorRequestParser
{
    /// <summary>OpenAI's own limit of one request.</summary>
    internal const int MaxInputs = 2_048;

    /// <summary>Longer than any published model's; bounds the memory of an answer to 32 KB a text.</summary>
    private const int MaxDimensions = 8_192;

    private static readonly FieldReader Reader = Read;
    private static readonly WholeCheck Embeddings = CheckEmbeddings;
    private static readonly WholeCheck Rerank = CheckRerank;

    public static ApiFailure ParseEmbeddings(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, out ChatWishes wishes) =>
        Parse(body, request, limits, FieldTables.Embeddings, Embeddings, out wishes);

    public static ApiFailure ParseRerank(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, out ChatWishes wishes) =>
        Parse(body, request, limits, FieldTables.Rerank, Rerank, out wishes);

    private static ApiFailure Parse(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, FieldTable table, WholeCheck check, out ChatWishes wishes)
    {
        var chat = new ChatReader(body, request, limits);
        var failure = RequestObject.Read(ref chat, table, Reader, check);
        wishes = chat.Wishes;
        return failure;
    }

    private static bool Read(ref ChatReader chat, FieldRule rule) => rule.Field switch
    {
        RequestField.Input => EmbedInputs.Read(ref chat),
        RequestField.Documents => ReadDocuments(ref chat),
        RequestField.Dimensions => ReadDimensions(ref chat),
        RequestField.EncodingFormat => ReadEncoding(ref chat),
        RequestField.Query => ReadQuery(ref chat),
        RequestField.TopN => ReadTopN(ref chat),
        RequestField.ReturnDocuments => ReadReturnDocuments(ref chat),
        _ => RequestSettings.Read(ref chat, rule),
    };

    private static bool CheckEmbeddings(ref ChatReader chat, ulong seen)
    {
        chat.Request.Operation = ModelOperation.Embed;
        return RequestSettings.Check(ref chat, seen) && HasInputs(ref chat, "input");
    }

    private static bool CheckRerank(ref ChatReader chat, ulong seen)
    {
        chat.Request.Operation = ModelOperation.Rerank;
        return RequestSettings.Check(ref chat, seen) && HasInputs(ref chat, "documents")
            && (chat.Request.Turns.Count > 0 || chat.Fail("missing_required_parameter", "'query' is missing: the text that the documents are held against.", "query"));
    }

    private static bool HasInputs(ref ChatReader chat, string name) =>
        chat.Request.InputCount > 0 || chat.Fail("missing_required_parameter", $"'{name}' is missing or empty: send at least one text.", name);

    private static bool ReadDocuments(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.Reader.TokenType == JsonTokenType.String ? Add(ref chat, "documents", chat.Text()) : chat.WrongType("documents", "an array");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray)
        {
            Utf8Slice text = default;
            var isRead = chat.Reader.TokenType switch
            {
                JsonTokenType.String => ReadText(ref chat, out text),
                JsonTokenType.StartObject => ReadDocument(ref chat, out text),
                _ => chat.WrongType("documents", "an array of strings or of objects with 'text'"),
            };
            if (!isRead || !Add(ref chat, "documents", text))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ReadText(ref ChatReader chat, out Utf8Slice text)
    {
        text = chat.Text();
        return true;
    }

    private static bool ReadDocument(ref ChatReader chat, out Utf8Slice text)
    {
        text = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!(chat.Reader.ValueTextEquals("text"u8) ? chat.NextText("documents.text", out text) : chat.UnknownIn("documents")))
            {
                return false;
            }
        }

        return true;
    }

    internal static bool Add(ref ChatReader chat, string name, Utf8Slice text)
    {
        if (text.IsEmpty)
        {
            return chat.Fail("invalid_value", $"'{name}' holds an empty text.", name);
        }

        if (chat.Request.Inputs.Count >= MaxInputs)
        {
            return chat.Fail("invalid_value", $"'{name}' has more than {MaxInputs} texts. Send several requests.", name);
        }

        chat.Request.Inputs.Add(text);
        return true;
    }

    private static bool ReadDimensions(ref ChatReader chat)
    {
        var ok = chat.Integer("dimensions", 1, MaxDimensions, out var value);
        chat.Request.EmbedDimensions = (int)value;
        return ok;
    }

    private static bool ReadEncoding(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType("encoding_format", "a string");
        }

        chat.Wishes.Base64 = chat.Reader.ValueTextEquals("base64"u8);
        return chat.Wishes.Base64 || chat.Reader.ValueTextEquals("float"u8)
            || chat.Fail("invalid_value", $"'encoding_format' is '{chat.Reader.GetString()}'; float or base64 is allowed.", "encoding_format");
    }

    private static bool ReadQuery(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType("query", "a string");
        }

        chat.Request.Turns.Add(TurnRole.User, chat.Text());
        return true;
    }

    private static bool ReadTopN(ref ChatReader chat)
    {
        var ok = chat.Integer("top_n", 1, MaxInputs, out var value);
        chat.Wishes.TopN = (int)value;
        return ok;
    }

    private static bool ReadReturnDocuments(ref ChatReader chat)
    {
        var ok = chat.Boolean("return_documents", out var value);
        chat.Wishes.ReturnDocuments = value;
        return ok;
    }
}
