namespace Jesus.Inference.Engine.Templates;

/// <summary>Every limit of chat templates, each with its reason: a template comes from a file that nobody here wrote.</summary>
public static class TemplateLimits
{
    /// <summary>The longest templates in use have 20 KB.</summary>
    public const int SourceBytesMax = 256 * 1024;

    /// <summary>Nesting of statements, expressions and JSON: bounds the recursion of parser and renderer.</summary>
    public const int NestingMax = 64;

    /// <summary>Operators, filters or members in one chain; a chain is a nesting for the renderer: 64 times 100 levels of 250 bytes are 1.6 MB of stack.</summary>
    public const int ChainMax = 100;

    /// <summary>Macros within macros.</summary>
    public const int CallDepthMax = 16;

    /// <summary>
    /// Expressions, statements and rounds of loops for one prompt, and one more for each 16 items or 256 bytes of a value: 500 turns with 100 tools each take under a
    /// million, 0.1 s.
    /// </summary>
    public const int StepsMax = 2_000_000;

    /// <summary>Bytes of one text, the whole prompt or one value on the way: more than a context of a million tokens.</summary>
    public const int TextBytesMax = 8 * 1024 * 1024;

    /// <summary>Bytes copied in all: a loop that builds long texts again and again ends here.</summary>
    public const long CopiedBytesMax = 256L * 1024 * 1024;

    /// <summary>Items of a list that a template makes itself (range).</summary>
    public const int RangeMax = 100_000;
}
