using Jesus.Inference.Contract;

namespace Jesus.Inference.Tests.Engine.Batching;

/// <summary>The events of an answer whose candidate is lost after some of them: what the client has, and what must still come.</summary>
internal sealed class LostAnswer
{
    private readonly List<ModelEvent> _missing;

    /// <param name="events">Of the whole answer.</param>
    /// <param name="shown">How many of its pieces the client has.</param>
    public LostAnswer(IEnumerable<ModelEvent> events, int shown)
    {
        var pieces = Pieces(events);
        _missing = pieces[shown..];
        var lastWithIds = pieces[..shown].FindLastIndex(item => !item.Tokens.Ids.IsEmpty);
        Ids = [.. pieces[..shown].SelectMany(item => item.Tokens.Ids.ToArray())];
        Repeated = shown - lastWithIds - 1;
    }

    public int[] Ids { get; }

    /// <summary>Pieces that the client has and that come again.</summary>
    public int Repeated { get; }

    /// <summary>Everything but the beginning.</summary>
    public static List<ModelEvent> Pieces(IEnumerable<ModelEvent> events) => [.. events.Where(item => item.Kind != EventKind.Started)];

    /// <summary>Nothing lost, changed or shown twice: piece by piece, with ids and log probabilities.</summary>
    public void AssertContinuedBy(IEnumerable<ModelEvent> events, string what)
    {
        var pieces = Pieces(events)[Repeated..];
        Assert.True(_missing.Count == pieces.Count, $"{what}: {_missing.Count} pieces were missing, {pieces.Count} came");
        for (var i = 0; i < pieces.Count; i++)
        {
            var (wanted, got) = (_missing[i], pieces[i]);
            Assert.True(
                (wanted.Kind, wanted.Index, wanted.Reason) == (got.Kind, got.Index, got.Reason)
                && wanted.Utf8.Span.SequenceEqual(got.Utf8.Span)
                && wanted.Tokens.Ids.Span.SequenceEqual(got.Tokens.Ids.Span)
                && wanted.Tokens.LogProbs.Span.SequenceEqual(got.Tokens.LogProbs.Span),
                $"{what}: piece {i} after the cut is {Describe(got)} instead of {Describe(wanted)}");
        }
    }

    private static string Describe(in ModelEvent item) =>
        $"{item.Kind} {item.Index} \"{System.Text.Encoding.UTF8.GetString(item.Utf8.Span)}\" {item.Reason} [{string.Join(' ', item.Tokens.Ids.ToArray())}] [{string.Join(' ', item.Tokens.LogProbs.ToArray())}]";
}
