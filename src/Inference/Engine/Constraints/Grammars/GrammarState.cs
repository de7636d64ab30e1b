namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>What an edge asks of, and does to, the thread's count (characters of a string, items of an array).</summary>
[Flags]
internal enum EdgeRule : byte
{
    None = 0,

    /// <summary>Open only when the count has reached the state's minimum.</summary>
    NeedsMin = 1,

    /// <summary>Open only while the count is below the state's maximum.</summary>
    NeedsRoom = 2,

    /// <summary>Adds one to the count.</summary>
    Counts = 4,
}

/// <summary>Bytes <paramref name="Low"/> to <paramref name="High"/> lead to <paramref name="Target"/>.</summary>
internal readonly record struct Edge(byte Low, byte High, EdgeRule Rule, int Target);

internal enum StateKind : byte
{
    /// <summary>Edges over bytes, and jumps that take nothing.</summary>
    Plain,

    /// <summary>Enters <see cref="GrammarState.A"/>; its return leads to <see cref="GrammarState.B"/>, with the count one higher.</summary>
    Call,

    /// <summary>Leaves the innermost call.</summary>
    Return,

    /// <summary>Inside a string that is a span of input <see cref="GrammarState.A"/>; its closing quote leads to <see cref="GrammarState.B"/>.</summary>
    Span,

    /// <summary>Takes the control token <see cref="GrammarState.A"/> and leads to <see cref="GrammarState.B"/>.</summary>
    Marker,

    /// <summary>The answer may end here.</summary>
    Accept,
}

/// <summary>A state of the grammar's automaton.</summary>
internal struct GrammarState
{
    public StateKind Kind;

    /// <summary>Free text: any token may follow, and leads back here unless a marker takes it.</summary>
    public bool Free;

    /// <summary>Every clean character (<see cref="Automata.CharSet.Clean"/>) leads back here, counted where the state counts.</summary>
    public bool Open;

    /// <summary>Several ways without a byte may meet here: of those with the same open calls one goes on.</summary>
    public bool Join;

    /// <summary>The thread's count means something here; elsewhere it is zero, so that equal situations compare equal.</summary>
    public bool Counted;

    /// <summary>Items of an array are counted, or pairs of a map: a token holds few of them. Else characters.</summary>
    public bool Items;
    public int FirstEdge;
    public int EdgeCount;
    public int FirstJump;
    public int JumpCount;
    public int A;
    public int B;
    public int Min;
    public int Max;

    /// <summary>The most calls that must be open at once, from here, on the shallowest way to the end: a thread lives only while they fit.</summary>
    public int Need;
}
