using System.Globalization;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// An answer whose candidate is lost after part of it was shown: one that computes alike goes on after the tokens shown, and the caller sees one answer. Where
/// nobody does, the call ends with the error of the loss.
/// </summary>
internal sealed class RescueStep(PipelineRooms rooms)
{
    /// <summary>Others than the chain's own dice, from the same throw.</summary>
    private const ulong SeedSalt = 0xA5A5_5EED_5EED_A5A5;

    private static readonly ModelError OtherArithmetic = new(
        ErrorCause.ModelNotFound, "The answer was begun by a model file and an arithmetic that no candidate here has; it cannot go on exactly.");

    /// <summary>Notes at the call's beginning whether its tokens are worth keeping, and what seeds their draws.</summary>
    public static void Begin(CallPath path, ulong dice)
    {
        var request = path.Call.Request;
        var isKept = request.Operation == ModelOperation.Generate && request.Choices == 1 && path.Route.Options.Commit == CommitPoint.FirstToken
            && (path.Plan.Count > 1 || path.Route.Options.Retries > 0);
        path.Shown.Begin(isKept, request.ShownTokens.Span, request.ShownNumerics);
        request.CallSeed ??= StableHash.Mix(dice ^ SeedSalt);
    }

    /// <summary>An attempt has failed with part of the answer shown. Returns whether others are to go on with it.</summary>
    public bool Lose(CallPath path, Attempt attempt, in CallResult result)
    {
        var (shown, cause) = (path.Shown, result.Error.Cause);
        if (!path.Sink.Committed || cause == ErrorCause.Cancelled)
        {
            return false;
        }

        if (shown.IsLost && !path.Sink.SawContent)
        {
            shown.WasTried = true;
            path.SetAside(attempt.Charged);
            return true;
        }

        if (shown.IsLost)
        {
            NoteRescuer(path, attempt.Candidate);
        }

        var numerics = result.Numerics.IsUnknown ? attempt.Capacity.Numerics : result.Numerics;
        if (!IsRescuable(cause) || !shown.IsKept || numerics.IsUnknown || IsRedacted(path, attempt.Candidate) || shown.Losses == ShownAnswer.RescuesMax)
        {
            if (IsRescuable(cause))
            {
                PipelineMetrics.Rescued(shown.IsLost ? "failed" : "none");
            }

            return false;
        }

        path.SetAside(attempt.Charged);
        shown.Lose(attempt.Candidate, numerics, LimitOf(path, attempt), result.Error);
        return true;
    }

    /// <summary>The candidate computes as the one did whose answer it would go on with. Another is skipped.</summary>
    public bool MayContinue(CallPath path, int place)
    {
        var candidate = path.Candidates[path.Plan[place]];
        if (ComputesAlike(path, candidate, path.Shown.Numerics))
        {
            return true;
        }

        path.Chain.Skip(place);
        path.Error = path.Shown.IsLost ? path.Error : OtherArithmetic;
        path.Call.Decisions.Add(new Decision(candidate.Label, "passed over: computes otherwise"));
        return false;
    }

    /// <summary>Somebody else could go on with an answer of this attempt; looked up before it begins, as its silence is borne less long then.</summary>
    public bool HasRescuer(CallPath path, Attempt attempt)
    {
        var numerics = attempt.Capacity.Numerics;
        if (!path.Shown.IsKept || numerics.IsUnknown || !path.Chain.HasOther(attempt.Place, rooms.Time.NowMs()))
        {
            return false;
        }

        foreach (var index in path.Plan)
        {
            if (index != attempt.Index && ComputesAlike(path, path.Candidates[index], numerics))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a rescuer can use and cost: it reads the shown tokens with the prompt and draws only the rest.</summary>
    public static void Begin(CallPath path, Attempt attempt)
    {
        attempt.ShownCount = path.Shown.OwnCount;
        var (index, shown, traits) = (attempt.Index, path.Shown, attempt.Candidate.Traits);
        var left = shown.MaxOutputTokens > 0 ? Math.Max(1, shown.MaxOutputTokens - shown.Tokens.Length) : 0;
        path.Bounds[index] = CallBound.Of(
            path.Prices[index], path.InputTokens[index] + shown.OwnCount, left, traits.MaxOutputTokens, traits.ContextTokens, choices: 1, path.Bounds[index].Usage.Images);
    }

    /// <summary>Puts what is shown into a rescuer's request.</summary>
    public static void Shape(CallPath path, ModelRequest request)
    {
        if (path.Shown.IsLost)
        {
            request.ShownTokens = path.Shown.Tokens;
            request.ShownNumerics = path.Shown.Numerics;
            request.MaxOutputTokens = path.Shown.MaxOutputTokens;
        }
    }

    /// <summary>A rescuer has come to the answer's end. The caller's usage is that of one answer: the prompt once, and every token of the answer.</summary>
    public static void Succeed(CallPath path, Attempt attempt)
    {
        NoteRescuer(path, attempt.Candidate);
        path.SetAside(new Usage { InputTokens = attempt.ShownCount, OutputTokens = -attempt.ShownCount });
        PipelineMetrics.Rescued("rescued");
    }

    /// <summary>Nobody is left who could go on: the call fails as the lost candidate did.</summary>
    public static void GiveUp(CallPath path)
    {
        if (path.Error.Cause == ErrorCause.Cancelled)
        {
            return;
        }


        path.Error = path.Shown.Loss;
        path.Answered = path.Shown.LostBy;
        PipelineMetrics.Rescued(path.Shown.WasTried ? "failed" : "none");
    }

    /// <summary>Failures of the candidate or of the way to it, which say nothing against the answer.</summary>
    public static bool IsRescuable(ErrorCause cause) => cause is ErrorCause.Cut or ErrorCause.Stalled or ErrorCause.ConnectFailed or ErrorCause.Draining
        or ErrorCause.Overloaded or ErrorCause.Internal;

    private bool ComputesAlike(CallPath path, Candidate candidate, in NumericsProfile numerics)
    {
        var capacity = candidate.Adapter.Capacity(new ModelKey(candidate.Model));
        return capacity.Available && capacity.Numerics == numerics && !IsRedacted(path, candidate);
    }

    /// <summary>Placeholders stand in the prompt that one candidate gets and not in another's: their tokens differ.</summary>
    private bool IsRedacted(CallPath path, Candidate candidate) => candidate.Traits.LeavesBox && path.DataClass == DataClass.Internal && rooms.Redactor is not null;

    /// <summary>The limit that the attempt was given; where it had none, what its context left beside the prompt, if that is known exactly.</summary>
    private static int LimitOf(CallPath path, Attempt attempt)
    {
        var limit = attempt.Request.MaxOutputTokens;
        return limit > 0 || !attempt.Candidate.CountsExactly || attempt.Capacity.ContextTokens == 0
            ? limit
            : Math.Max(1, attempt.Capacity.ContextTokens - path.InputTokens[attempt.Index] + path.Shown.GivenCount);
    }

    private static void NoteRescuer(CallPath path, Candidate rescuer) => path.Call.Decisions.Add(new Decision(
        path.Shown.LostBy!.Label, string.Create(CultureInfo.InvariantCulture, $"rescued by {rescuer.Label} after {path.Shown.LostAfter} tokens")));
}
