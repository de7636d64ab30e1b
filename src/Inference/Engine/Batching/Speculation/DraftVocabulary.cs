using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>Whether a small model's tokens are the model's: a guess is a token's number, and must mean the same to both.</summary>
internal static class DraftVocabulary
{
    public const string Remedy = "take a model of the same family and vocabulary, or take it out of engine.draftModels.";

    private const string Key = "tokenizer.ggml.tokens";

    /// <param name="name">The model.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="draft">The small model's file.</param>
    /// <param name="draftName">What to call it.</param>
    /// <exception cref="GgufException">It is another vocabulary: names both and the first token that differs.</exception>
    public static void Check(string name, Tokenizer tokenizer, GgufFile draft, string draftName)
    {
        var other = TokenizerLoader.Load(draft.Metadata);
        var (mine, its) = (tokenizer.Vocabulary, other.Vocabulary);
        var both = Math.Min(mine.Count, its.Count);
        for (var id = 0; id < both; id++)
        {
            if (!mine.Bytes(id).SequenceEqual(its.Bytes(id)) || mine.NeedsTrust(id) != its.NeedsTrust(id))
            {
                throw draft.Metadata.Error(Key, $"{draftName} cannot guess for {name}: token {id} is {Describe(its, id)} there and {Describe(mine, id)} in {name}; {Remedy}");
            }
        }

        // Files of one family are padded to other lengths, with tokens that nothing is trained on.
        var longer = mine.Count > its.Count ? mine : its;
        for (var id = both; id < longer.Count; id++)
        {
            if (longer.TypeOf(id) != TokenType.Unused)
            {
                throw draft.Metadata.Error(Key, $"{draftName} cannot guess for {name}: it has {its.Count} tokens and {name} {mine.Count}, and token {id} of the longer list "
                    + $"is {Describe(longer, id)}, no padding; {Remedy}");
            }
        }

        CheckRole(name, draft, draftName, "the begin of a text", tokenizer.Ids.Begin, other.Ids.Begin);
        CheckRole(name, draft, draftName, "the end of a text", tokenizer.Ids.End, other.Ids.End);
    }

    private static void CheckRole(string name, GgufFile draft, string draftName, string role, int mine, int its)
    {
        if (mine != its)
        {
            throw draft.Metadata.Error(Key, $"{draftName} cannot guess for {name}: {role} is token {its} there and {mine} in {name} (-1: none); {Remedy}");
        }
    }

    private static string Describe(Vocabulary vocabulary, int id) => $"\"{vocabulary.Text(id)}\"{(vocabulary.NeedsTrust(id) ? " (a control token)" : "")}";
}
