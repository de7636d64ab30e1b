using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>States that every form's grammar is made of.</summary>
internal sealed class AnswerStates(GrammarBuilder builder, VocabularyIndex vocabulary)
{
    public GrammarBuilder Builder => builder;

    /// <summary>The control token written so; -1 when the vocabulary has none.</summary>
    public int TokenOf(ReadOnlySpan<byte> marker) => vocabulary.FindControl(marker);

    /// <summary>A control token where the vocabulary has it as such, its text where it does not.</summary>
    public int Marker(ReadOnlySpan<byte> text, int next)
    {
        var token = TokenOf(text);
        return token >= 0 ? builder.Marker(token, next) : builder.Literal(text, next);
    }

    /// <summary>A byte that a model may write or leave out: some were taught the form with it.</summary>
    public int Optional(byte value, int next) => builder.AnyOf(next, builder.Byte(value, next));

    /// <summary>Free text up to a marker.</summary>
    public int FreeUntil(ReadOnlySpan<byte> marker, int next, bool mayEnd = false) => FreeText.Add(builder, marker, TokenOf(marker), next, mayEnd);
}
