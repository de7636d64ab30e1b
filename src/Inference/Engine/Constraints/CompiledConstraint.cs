namespace Jesus.Inference.Engine.Constraints;

/// <summary>A grammar and the inputs that its spans are taken from. Several states may follow one, one thread at a time.</summary>
public sealed class CompiledConstraint : IDisposable
{
    internal CompiledConstraint(VocabularyIndex vocabulary) => Vocabulary = vocabulary;

    public VocabularyIndex Vocabulary { get; }

    public void Dispose()
    {
    }
}
