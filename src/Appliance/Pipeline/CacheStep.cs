using System.Runtime.CompilerServices;
using Jesus.Appliance.Cache;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Between routing and reserving: a question that was answered before is answered with the same events, at no cost. Each route that opted in has its own answers;
/// a reloaded route begins with none, since its candidates may be others.
/// </summary>
internal sealed class CacheStep(TimeProvider time)
{
    private readonly ConditionalWeakTable<Route, AnswerCache> _caches = [];

    /// <summary>Looks the call up. When it is not known, what its reader is given is recorded.</summary>
    /// <returns>True when a kept answer serves the call: nothing is to be reserved or called.</returns>
    public bool TryAnswer(CallPath path)
    {
        var options = path.Route.Options.Cache;
        if (!options.IsOn || path.Call.CacheWish == CacheWish.Off || !CanBeKept(path.Call.Request))
        {
            return false;
        }

        path.CacheKey = KeyOf(path, options.Shared);
        path.Cached = path.Call.CacheWish == CacheWish.Use ? CacheOf(path.Route).Find(path.CacheKey, time.NowMs()) : null;
        if (path.Cached is not { } answer)
        {
            path.Call.CacheUse = CacheUse.Miss;
            path.Recorder ??= new AnswerRecorder();
            path.Sink.ReadThrough(path.Recorder, options.MaxBytes);
            return false;
        }

        path.Call.CacheUse = CacheUse.Hit;
        path.Call.Decisions.Add(new Decision(answer.Candidate, "answered before: from the cache"));
        path.Reason = answer.Reason;
        return true;
    }

    /// <summary>Step 9 of a call that was answered before.</summary>
    public static async ValueTask ReplayAsync(CallPath path, CachedAnswer answer, IAnswerSink reader)
    {
        try
        {
            await answer.ReplayAsync(path.Call.Request, reader).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or ObjectDisposedException)
        {
            path.Error = new ModelError(ErrorCause.Cancelled, "Nobody reads the answer any more.");
            path.Reason = FinishReason.Cancelled;
        }
    }

    /// <summary>After step 9: keeps what the reader was given, if it was a whole answer and the reader had all of it.</summary>
    public void Keep(CallPath path)
    {
        if (path.Call.CacheUse == CacheUse.Miss && path.Succeeded && !path.Sink.ReaderLeft && path.Answered is { } candidate
            && path.Recorder!.Finish(path.Call.Request, candidate.Name, path.Reason, path.AnswerUsage) is { } answer)
        {
            CacheOf(path.Route).Store(path.CacheKey, answer, time.NowMs());
        }
    }

    private AnswerCache CacheOf(Route route) => _caches.GetValue(route, static r => new AnswerCache(r.Options.Cache.MaxBytes, r.Options.Cache.TtlSeconds * 1_000L));

    /// <summary>A count is as cheap as a look-up, and what goes on with a shown answer is none of its own.</summary>
    private static bool CanBeKept(ModelRequest request) =>
        request.Operation != ModelOperation.CountTokens && request.ShownTokens.IsEmpty && request.ShownNumerics.IsUnknown;

    /// <summary>Who asks, then what: a name that is missing never makes two callers equal.</summary>
    private static CacheKey KeyOf(CallPath path, CacheSharing shared)
    {
        var principal = path.Call.Principal;
        var alone = shared == CacheSharing.None
            || (shared == CacheSharing.Team && principal.Team.Length == 0) || (shared == CacheSharing.Organisation && principal.Organisation.Length == 0);
        var hash = CacheKeyHash.Begin().Add(alone ? 0 : (long)shared).Add((long)path.DataClass);
        hash.Add(shared == CacheSharing.All ? "" : principal.Organisation)
            .Add(alone || shared == CacheSharing.Team ? principal.Team : "")
            .Add(alone ? principal.User.Length > 0 ? principal.User : principal.Id : "")
            .Add(alone ? path.Call.Request.EndUser.Span : default);
        return hash.Add(path.Call.RouteName).Add(path.Call.Task).Add(path.Call.Request).End();
    }
}
