using System.Diagnostics.CodeAnalysis;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>Turns an <see cref="OutputConstraint"/> into what a <see cref="ConstraintState"/> follows. Thread safe.</summary>
public sealed class ConstraintCompiler
{
    public ConstraintCompiler(VocabularyIndex vocabulary) => Vocabulary = vocabulary;

    public VocabularyIndex Vocabulary { get; }

    /// <param name="constraint">A JSON schema or "any JSON object"; must not be <see cref="ConstraintKind.None"/>.</param>
    /// <param name="prompt">The text that <c>x-span-of: prompt</c> names: the last user turn's.</param>
    /// <param name="compiled">Owned by the caller: dispose it when the answer is finished.</param>
    /// <param name="error">Names the JSON pointer and the keyword that cannot be enforced, and what is allowed there.</param>
    public bool TryCompile(OutputConstraint constraint, Utf8Slice prompt, [NotNullWhen(true)] out CompiledConstraint? compiled, out ModelError error)
    {
        compiled = null;
        error = new ModelError(ErrorCause.UnsupportedField, "Constrained output is not implemented yet; leave out response_format.", "response_format");
        return false;
    }
}
