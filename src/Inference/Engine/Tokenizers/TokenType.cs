namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>What a token is for, numbered as in <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenType : byte
{
    Normal = 1,
    Unknown = 2,

    /// <summary>Steers the model (begin of text, end of turn); never part of an answer's text, never parsed from a user's text.</summary>
    Control = 3,

    /// <summary>Added to the vocabulary as a whole; matched in any text before it is split.</summary>
    UserDefined = 4,
    Unused = 5,

    /// <summary>One byte, written <c>&lt;0xNN&gt;</c> in the file.</summary>
    Byte = 6,
}
