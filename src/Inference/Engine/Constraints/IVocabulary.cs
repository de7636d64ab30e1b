namespace Jesus.Inference.Engine.Constraints;

/// <summary>What a token may stand for in an answer.</summary>
public enum TokenRole : byte
{
    /// <summary>Its bytes are part of the answer.</summary>
    Text,

    /// <summary>A marker such as <c>&lt;tool_call&gt;</c>: never text, allowed only where a grammar names it.</summary>
    Control,

    /// <summary>Ends the answer.</summary>
    End,

    /// <summary>Padding of the vocabulary, unknown-token marks: never generated under a constraint.</summary>
    Unused,
}

/// <summary>A tokenizer's vocabulary, as constraints need to see it.</summary>
public interface IVocabulary
{
    int Count { get; }

    /// <summary>
    /// The bytes that the token adds to an answer (a leading space included); for a control token the text it is written as, such as
    /// <c>&lt;tool_call&gt;</c>. Need not be whole UTF-8 characters.
    /// </summary>
    ReadOnlySpan<byte> BytesOf(int token);

    TokenRole RoleOf(int token);
}
