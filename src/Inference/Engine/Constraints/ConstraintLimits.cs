namespace Jesus.Inference.Engine.Constraints;

/// <summary>Every limit of constrained output in one place, each with its reason.</summary>
public static class ConstraintLimits
{
    /// <summary>A schema longer than this is no schema that a prompt could explain: 256 KiB is about 64 k tokens.</summary>
    public const int SchemaBytesMax = 256 * 1024;

    /// <summary>Steps of the longest way into a schema, by keywords, names and references: 256 levels of 1 KB bound the compiler's recursion.</summary>
    public const int SchemaNestingMax = 256;

    /// <summary>Alternatives of a whole schema, unions beside one another multiplied: each is compiled apart.</summary>
    public const int BranchesMax = 4096;

    /// <summary>States of an object whose properties are counted (minProperties, maxProperties): properties times counts.</summary>
    public const int CountedPropertiesMax = 4096;

    /// <summary>Properties of one object: fewer than the ways followed at once, so that none of them is ever dropped.</summary>
    public const int PropertiesMax = 500;

    /// <summary>64 k states of 48 bytes are 3 MB, the most that one request's grammar may hold.</summary>
    public const int StatesMax = 65_536;

    /// <summary>Arrays, maps and $refs open inside one another at one moment: no answer that a reader follows nests deeper, and JSON readers stop at 64.</summary>
    public const int DepthMax = 48;

    /// <summary>Rules of a GBNF grammar open inside one another: its author spends several on each level of what it describes.</summary>
    public const int RuleDepthMax = 256;

    /// <summary>
    /// Ways without a byte in a row: an object of <see cref="PropertiesMax"/> optional properties has as many. Following them is recursive, and 2,048 calls fit
    /// in any thread's stack.
    /// </summary>
    public const int JumpsMax = 2048;

    /// <summary>Characters of a regular expression; a list of 1,000 choices of 60 characters is one.</summary>
    public const int PatternCharactersMax = 64 * 1024;

    /// <summary>Groups open inside one another in a regular expression or grammar: reading them is recursive.</summary>
    public const int PatternNestingMax = 100;

    /// <summary>States before they are made deterministic: 100 k of 100 bytes are 10 MB while one pattern is compiled.</summary>
    public const int PatternStatesMax = 100_000;

    /// <summary>States of one pattern's automaton: <c>.{1,1000}</c> has 7,000.</summary>
    public const int AutomatonStatesMax = 16_000;

    /// <summary>States visited while one pattern is made deterministic: about half a second, after which it is refused.</summary>
    public const long AutomatonWorkMax = 20_000_000;

    /// <summary>Bytes of a GBNF grammar: that of C has 10 KB.</summary>
    public const int GbnfBytesMax = 64 * 1024;

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

    /// <summary>
    /// Bytes of masks that one compiled constraint keeps: 400 masks of a vocabulary of 150 k tokens that allow most of it, or thousands that allow a few.
    /// </summary>
    public const int MaskCacheBytesMax = 8 * 1024 * 1024;

    /// <summary>Grammars kept for the next request with the same schema: an appliance's workflows use a handful; with their masks at most 180 MB.</summary>
    public const int GrammarsKeptMax = 16;
}
