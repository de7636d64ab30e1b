namespace Jesus.Appliance.Security.Redaction;

/// <summary>
/// Replaces sensitive values in a request before it leaves the box, and puts them back into the answer. Thread-safe; a session is not.
/// </summary>
public interface IRedactor
{
    /// <summary>A session for one call; all its attempts share it, so a value keeps its placeholder.</summary>
    RedactionSession Begin();
}

/// <summary>Finds values of one kind in UTF-8 text. Stateless.</summary>
public interface ISensitiveValueDetector
{
    /// <summary>The word in the placeholder <c>[[WORD_1]]</c>: capitals, at most <see cref="Placeholders.KindLengthMax"/> of them.</summary>
    string Kind { get; }

    /// <summary>The first value at or after <paramref name="from"/>; length 0 when there is none.</summary>
    (int Start, int Length) Find(ReadOnlySpan<byte> text, int from);
}
