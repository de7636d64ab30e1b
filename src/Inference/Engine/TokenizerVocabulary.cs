using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine;

/// <summary>A tokenizer's vocabulary as constraints see it.</summary>
internal sealed class TokenizerVocabulary(Tokenizer tokenizer) : IVocabulary
{
    public int Count => tokenizer.Vocabulary.Count;

    public ReadOnlySpan<byte> BytesOf(int token) => tokenizer.Vocabulary.Bytes(token);

    public TokenRole RoleOf(int token) => tokenizer.EndsGeneration(token)
        ? TokenRole.End
        : tokenizer.Vocabulary.TypeOf(token) switch
        {
            TokenType.Control => TokenRole.Control,
            TokenType.Unknown or TokenType.Unused => TokenRole.Unused,
            _ => tokenizer.Vocabulary.Bytes(token).IsEmpty ? TokenRole.Unused : TokenRole.Text,
        };
}
