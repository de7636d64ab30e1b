using System.Diagnostics;
using System.Diagnostics.Metrics;
using Jesus.Appliance.Router;
using Jesus.Appliance.Telemetry;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>The instruments of the path of a call. Labels are bounded: names of routes, models and teams come from the configuration.</summary>
internal static class PipelineMetrics
{
    private static readonly Counter<long> Requests = JesusMeter.Instance.CreateCounter<long>("requests_total", description: "Model calls by outcome.");
    private static readonly Histogram<double> Seconds = JesusMeter.Instance.CreateHistogram<double>("request_seconds", "s", "From admission to the terminal event.");
    private static readonly Histogram<double> CallSeconds = JesusMeter.Instance.CreateHistogram<double>("model_call_seconds", "s", "One attempt at an adapter.");
    private static readonly Histogram<double> FirstToken = JesusMeter.Instance.CreateHistogram<double>("time_to_first_token_seconds", "s", "From admission to the first content.");
    private static readonly Counter<long> Tokens = JesusMeter.Instance.CreateCounter<long>("tokens_total", description: "Tokens charged.");
    private static readonly Counter<double> Cost = JesusMeter.Instance.CreateCounter<double>("cost_usd_total", description: "Dollars charged.");
    private static readonly Counter<long> Fallbacks = JesusMeter.Instance.CreateCounter<long>("fallbacks_total", description: "Attempts that followed another's failure.");

    private static readonly Counter<long> Hedges = JesusMeter.Instance.CreateCounter<long>("hedges_total", description: "Second attempts beside a first that was late.");

    private static readonly Counter<long> Rescues = JesusMeter.Instance.CreateCounter<long>(
        "rescues_total", description: "Answers whose candidate was lost after part was shown, by what became of them.");

    /// <param name="outcome"><c>rescued</c>: another went on to the end; <c>failed</c>: others tried; <c>none</c>: nobody left computes alike.</param>
    public static void Rescued(string outcome) => Rescues.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public static void Hedged(Route route, bool won) => Hedges.Add(1, new("route", route.Name), new("outcome", won ? "won" : "lost"));

    public static void Attempt(Candidate candidate, long milliseconds) =>
        CallSeconds.Record(milliseconds / 1000.0, new KeyValuePair<string, object?>("adapter", candidate.Adapter.Id.Kind));

    public static void Charged(Candidate candidate, string team, in Usage usage, long microUsd)
    {
        Tokens.Add(usage.InputTokens, new("direction", "input"), new("model", candidate.Name));
        Tokens.Add(usage.OutputTokens, new("direction", "output"), new("model", candidate.Name));
        if (microUsd > 0)
        {
            Cost.Add(microUsd / 1e6, new("model", candidate.Name), new("team", team));
        }
    }

    public static void FellBack(Candidate from, Candidate to, ErrorCause cause) =>
        Fallbacks.Add(1, new("from", from.Name), new("to", to.Name), new("cause", CauseNames.Of(cause)));

    public static void Finished(CallPath path, long nowMs)
    {
        var outcome = path.Succeeded ? "ok" : path.RefusedByBudget is not null ? "budget_exceeded" : CauseNames.Of(path.Error.Cause);
        Requests.Add(1, new TagList { { "api", path.Call.Api }, { "route", path.Route.Name }, { "outcome", outcome } });
        Seconds.Record((nowMs - path.StartedMs) / 1000.0);
        if (path.Sink.FirstContentMs > 0)
        {
            FirstToken.Record((path.Sink.FirstContentMs - path.StartedMs) / 1000.0);
        }
    }
}
