namespace Jesus.Inference.Engine.Constraints;

/// <summary>Every limit of constrained output in one place, each with its reason.</summary>
public static class ConstraintLimits
{
    /// <summary>A schema longer than this is no schema that a prompt could explain: 256 KiB is about 64 k tokens.</summary>
    public const int SchemaBytesMax = 256 * 1024;

    /// <summary>Steps of the longest way into a schema, by keywords, names and references: 256 levels of 1 KB bound the compiler's recursion.</summary>
    public const int SchemaNestingMax = 256;

    /// <summary>Properties of one object: fewer than the ways followed at once, so that none of them is ever dropped.</summary>
    public const int PropertiesMax = 500;

    /// <summary>64 k states of 48 bytes are 3 MB, the most that one request's grammar may hold.</summary>
    public const int StatesMax = 65_536;

    /// <summary>Arrays, maps and $refs open inside one another at one moment: no answer that a reader follows nests deeper, and JSON readers stop at 64.</summary>
    public const int DepthMax = 48;

    /// <summary>
    /// Ways in which an answer may stand in its grammar at once (open alternatives of anyOf, tools). Beyond it further alternatives are not followed:
    /// the answer stays valid, with fewer choices.
    /// </summary>
    public const int ThreadsMax = 512;

    /// <summary>Characters of a string without maxLength: so that a model caught in a loop still closes its string.</summary>
    public const int StringDefaultMax = 4096;

    /// <summary>The largest minLength or maxLength: 1 Mi characters is more than any context holds.</summary>
    public const int StringLengthMax = 1024 * 1024;

    /// <summary>Items of an array (or a map) without maxItems: so that a model caught in a loop still closes its array.</summary>
    public const int ItemsDefaultMax = 256;

    /// <summary>The largest minItems or maxItems.</summary>
    public const int ItemsMax = 65_536;

    /// <summary>Digits before the point: below 2^53 every integer survives a reader that uses doubles.</summary>
    public const int IntegerDigitsMax = 15;

    /// <summary>Digits after the point: with 15 before it 27 digits, which a decimal holds exactly.</summary>
    public const int FractionDigitsMax = 12;

    /// <summary>Bytes of an input that <c>x-span-of</c> names: 64 k tokens; its index takes about 60 bytes for each.</summary>
    public const int SpanInputBytesMax = 256 * 1024;

    /// <summary>A longer token is never chosen under a constraint; real vocabularies stay below 256 (runs of spaces).</summary>
    public const int TokenBytesMax = 512;

    /// <summary>Bytes of masks that one compiled constraint keeps: 200 masks of a vocabulary of 150 k tokens, many more than a schema has situations.</summary>
    public const int MaskCacheBytesMax = 4 * 1024 * 1024;

    /// <summary>Grammars kept for the next request with the same schema: an appliance's workflows use a handful; with their masks at most 110 MB.</summary>
    public const int GrammarsKeptMax = 16;
}
