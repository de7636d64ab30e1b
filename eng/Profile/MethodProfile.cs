namespace Jesus.Profile;

/// <summary>How often a method took each of its ways. Names are the runtime's: "Space.Type+Nested`1[Argument].Method".</summary>
/// <param name="Name">Type and method; a method's own type arguments are not told.</param>
/// <param name="Signature">As the runtime prints it.</param>
/// <param name="IlBytes">The body's size: with another one it is another method by now.</param>
/// <param name="Edges">Ways between blocks, in the order in which they were counted.</param>
/// <param name="Calls">What was seen at calls that may go to several types.</param>
public sealed record MethodProfile(string Name, string Signature, int IlBytes, IReadOnlyList<Edge> Edges, IReadOnlyList<TypesSeen> Calls)
{
    /// <summary>Fewer passes are a start or a tick's, where nothing is to be gained.</summary>
    private const long WarmPasses = 200;

    public bool IsWarm => Edges.Any(e => e.Count >= WarmPasses);
}

/// <summary>The way from the block that ends at one IL offset to the one that begins at another.</summary>
public readonly record struct Edge(int From, int To, long Count);

/// <summary>The types of the receivers at one IL offset.</summary>
/// <param name="Offset">Of the call.</param>
/// <param name="Flags">The runtime's own, which say what kind of call it is.</param>
/// <param name="Passes">All of them; the types are a sample.</param>
/// <param name="Types">How often each was in the sample, by its assembly-qualified name.</param>
public sealed record TypesSeen(int Offset, uint Flags, long Passes, IReadOnlyList<(string Type, int Times)> Types);

/// <summary>Kinds of a profile's records, in the runtime's dump and in what the compiler reads (the runtime's corjit.h, PgoInstrumentationKind).</summary>
internal static class RecordKind
{
    public const int Edge = 385;

    /// <summary>All passes of a call that may go to several types; the types seen follow.</summary>
    public const int Passes = 177;
    public const int Types = 195;
}
