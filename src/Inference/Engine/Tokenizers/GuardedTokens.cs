using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// User-defined tokens that steer all the same. Files mark <c>&lt;tool_response&gt;</c> or <c>&lt;think&gt;</c> as user-defined, which is parsed from any text; but
/// where the file's own chat template writes it, it tells the model whose words follow, and a user must not write it.
/// </summary>
internal static class GuardedTokens
{
    /// <summary>Tags and brackets only: a template also writes line ends and words, and those are anybody's.</summary>
    public static bool[]? Of(GgufMetadata metadata, GgufStringArray tokens, TokenType[] types)
    {
        if (!metadata.TryGet("tokenizer.chat_template", out var value) || !value.TryGetString(out var template))
        {
            return null;
        }

        var guarded = new bool[tokens.Count];
        for (var id = 0; id < tokens.Count; id++)
        {
            var token = tokens[id];
            guarded[id] = types[id] == TokenType.UserDefined && token.Length > 2 && (token[0] is (byte)'<' or (byte)'[') && template.IndexOf(token) >= 0;
        }

        return guarded;
    }
}
