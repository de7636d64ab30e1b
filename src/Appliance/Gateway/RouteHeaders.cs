using System.Globalization;
using System.Text;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>
/// What a caller may say about routing beside the body, and what an answer says about it: <c>x-jesus-route</c>, <c>x-jesus-candidate</c>,
/// <c>x-jesus-attempts</c>, <c>x-jesus-decisions</c> and, of a whole answer, <c>x-jesus-cost-usd</c>. Endpoints of model calls use all methods.
/// </summary>
public static class RouteHeaders
{
    /// <summary>Longer lists are cut: intermediaries refuse heads of 4 to 8 KB, and sixteen candidates' names fit.</summary>
    public const int DecisionsMax = 1_024;

    /// <summary>Words of a caller are kept short: they are compared with the rules' own.</summary>
    private const int TaskMax = 64;

    /// <summary>Asked with <c>refresh</c> or <c>off</c>; answered with <c>hit</c> or <c>miss</c> where the route keeps answers.</summary>
    private const string CacheHeader = "x-jesus-cache";
    private const string TaskHeader = "x-jesus-task";
    private const string DataClassHeader = "x-jesus-data-class";
    private const string DeadlineHeader = "x-jesus-deadline-ms";

    /// <summary>The cost written last on this thread: many calls cost the same.</summary>
    [ThreadStatic]
    private static (long MicroUsd, string Text) _cost;

    private static readonly string[] Counts = ["0", "1", "2", "3", "4"];

    /// <summary>
    /// Takes <c>x-jesus-task</c>, <c>x-jesus-data-class</c>, <c>x-jesus-deadline-ms</c> and <c>x-jesus-cache</c> from the request's head into the call. Call before the pipeline.
    /// </summary>
    /// <returns>What is wrong with one of them, by its name: a class that is not known would let data go where it must not.</returns>
    public static ApiFailure Read(HttpRequest request, ModelCall call, TimeProvider time)
    {
        var headers = request.Headers;
        if (headers.TryGetValue(TaskHeader, out var task))
        {
            if (task.Count != 1 || task[0] is not { Length: > 0 and <= TaskMax } word)
            {
                return Wrong(TaskHeader, $"is one word of at most {TaskMax} characters");
            }

            call.Task = word;
        }

        if (headers.TryGetValue(DataClassHeader, out var dataClass))
        {
            if (!DataClasses.TryParse(dataClass.ToString(), out var data))
            {
                return Wrong(DataClassHeader, $"is one of {DataClasses.All}");
            }

            call.DataClass = data;
        }

        if (headers.TryGetValue(CacheHeader, out var cache))
        {
            if (cache != "refresh" && cache != "off")
            {
                return Wrong(CacheHeader, "is one of refresh, off");
            }

            call.CacheWish = cache == "refresh" ? CacheWish.Refresh : CacheWish.Off;
        }

        if (headers.TryGetValue(DeadlineHeader, out var deadline))
        {
            if (!int.TryParse(deadline.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var ms) || ms == 0)
            {
                return Wrong(DeadlineHeader, "is a number of milliseconds from 1 to 2147483647");
            }

            call.Request.Deadline = Deadline.After(time, TimeSpan.FromMilliseconds(ms));
        }

        return default;
    }

    /// <summary>Where work is begun that is done later, what a caller says of its routing has no place to be kept: it is refused rather than forgotten.</summary>
    public static ApiFailure Refuse(HttpRequest request, string what)
    {
        foreach (var name in (ReadOnlySpan<string>)[TaskHeader, DataClassHeader, DeadlineHeader, CacheHeader])
        {
            if (request.Headers.ContainsKey(name))
            {
                return ApiFailure.Invalid("unsupported_header", $"The header {name} is not kept for {what}: name a route that does what it asks for.", name);
            }
        }

        return default;
    }

    private static ApiFailure Wrong(string header, string allowed) => ApiFailure.Invalid("invalid_header", $"The header {header} {allowed}.", header);

    /// <summary>
    /// Says what was decided so far. Call before the head goes out, once: for a stream with its first piece (later decisions are in the journal), else
    /// after the pipeline, on success and on failure.
    /// </summary>
    public static void Write(HttpResponse response, ModelCall call)
    {
        if (response.HasStarted || call.RouteTaken.Length == 0)
        {
            return;
        }

        var headers = response.Headers;
        headers["x-jesus-route"] = Ascii(call.RouteTaken);
        headers["x-jesus-attempts"] = call.Attempts < Counts.Length ? Counts[call.Attempts] : call.Attempts.ToString(CultureInfo.InvariantCulture);
        if (call.Candidate is { } candidate)
        {
            headers["x-jesus-candidate"] = Ascii(candidate.Label);
        }

        if (call.CacheUse != CacheUse.None)
        {
            headers[CacheHeader] = call.CacheUse == CacheUse.Hit ? "hit" : "miss";
        }

        var decisions = Decisions(call);
        if (decisions.Length > 0)
        {
            headers["x-jesus-decisions"] = decisions;
        }
    }

    /// <summary>Says what a whole answer cost; a stream's head goes out before it is known. Nothing where it cost nothing.</summary>
    public static void WriteCost(HttpResponse response, in Outcome outcome)
    {
        if (outcome.CostMicroUsd == 0)
        {
            return;
        }

        if (_cost.MicroUsd != outcome.CostMicroUsd)
        {
            _cost = (outcome.CostMicroUsd, (outcome.CostMicroUsd / 1_000_000m).ToString(CultureInfo.InvariantCulture));
        }

        response.Headers["x-jesus-cost-usd"] = _cost.Text;
    }

    /// <summary>Everything but what was only planned, in order, such as <c>a/m failed rate_limited; b/m answered</c>.</summary>
    private static string Decisions(ModelCall call)
    {
        StringBuilder? text = null;
        var count = 0;
        for (var i = 0; i < call.Decisions.Count; i++)
        {
            var item = call.Decisions[i];
            if (item.Verdict.StartsWith(DecisionLog.Planned, StringComparison.Ordinal) || IsAllThatHappened(call, item, i))
            {
                continue;
            }

            text ??= new StringBuilder();
            if (text.Length > DecisionsMax)
            {
                count++;
                continue;
            }

            _ = text.Append(text.Length > 0 ? "; " : "").Append(item.Candidate).Append(' ').Append(item.Verdict);
            _ = item.Cause == ErrorCause.None ? text : text.Append(' ').Append(CauseNames.Of(item.Cause));
        }

        if (count > 0)
        {
            _ = text!.Append(CultureInfo.InvariantCulture, $"; and {count} more");
        }

        return text is null ? "" : Ascii(text.ToString());
    }

    /// <summary>Nothing but an answer by the first: <c>x-jesus-candidate</c> says it.</summary>
    private static bool IsAllThatHappened(ModelCall call, in Decision item, int index) =>
        call.Attempts == 1 && index == call.Decisions.Count - 1 && item.Verdict == DecisionLog.Answered;

    /// <summary>Names come from the configuration and may hold any character; a head may not.</summary>
    private static string Ascii(string text) => System.Text.Ascii.IsValid(text) && !text.AsSpan().ContainsAnyInRange('\0', '\u001f')
        ? text
        : string.Create(text.Length, text, static (span, from) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = from[i] is >= ' ' and <= '~' ? from[i] : '?';
            }
        });
}
