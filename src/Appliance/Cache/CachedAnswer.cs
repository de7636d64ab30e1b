using System.Runtime.CompilerServices;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Cache;

/// <summary>A whole answer as it was given: immutable, so that any number of readers may have it at once.</summary>
public sealed class CachedAnswer
{
    /// <summary>What the objects around the events and bytes take: entry, list node, dictionary slot and array heads.</summary>
    private const int OverheadBytes = 320;

    private readonly ModelEvent[] _events;

    internal CachedAnswer(ModelEvent[] events, long bytes)
    {
        _events = events;
        Bytes = bytes + OverheadBytes + ((long)events.Length * Unsafe.SizeOf<ModelEvent>());
    }

    /// <summary>What it holds of memory.</summary>
    public long Bytes { get; }

    /// <summary>What was sent on as it came, where the answer is the provider's own bytes; null otherwise.</summary>
    public CacheKey? ForwardedBody { get; init; }
    public required string Candidate { get; init; }
    public required FinishReason Reason { get; init; }

    /// <summary>What the answer used when it was made; this time it used nothing.</summary>
    public required Usage Usage { get; init; }

    /// <summary>
    /// Gives the events again, in their order. The provider's own bytes go only to a caller who asks in the same bytes as the first one did (they say what the
    /// answer looks like); any other gets what was read from them.
    /// </summary>
    public async ValueTask ReplayAsync(ModelRequest request, IAnswerSink sink)
    {
        var asItCame = ForwardedBody is not { } body || body == BodyOf(request);
        foreach (var item in _events)
        {
            if (asItCame || item.Kind != EventKind.Wire)
            {
                await sink.WriteAsync(asItCame ? item : item with { InWire = false }).ConfigureAwait(false);
            }
        }
    }

    internal static CacheKey BodyOf(ModelRequest request) => CacheKeyHash.Begin().Add((long)request.BodyShape).Add(request.Body.Span).End();
}
