namespace Jesus.Inference.Engine.Constraints;

/// <summary>A vocabulary made ready for masks: a trie over the tokens' bytes. Immutable; built once for each tokenizer and shared.</summary>
public sealed class VocabularyIndex
{
    private VocabularyIndex(int count) => Count = count;

    public int Count { get; }

    /// <summary>How many words a mask has: bit <c>id % 64</c> of word <c>id / 64</c> is token <c>id</c>.</summary>
    public int MaskWords => (Count + 63) / 64;

    public static VocabularyIndex Build(IVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        return new VocabularyIndex(vocabulary.Count);
    }
}
