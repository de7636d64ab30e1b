using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>What prompt and agent steps share: the call's envelope, its failure in words, the answer's check.</summary>
internal static class ModelStep
{
    /// <summary>A call for one attempt of a step; the caller adds turns and what the answer must look like.</summary>
    public static ModelCall NewCall(RunContext run, StepNode node, string model, float temperature, int maxTokens)
    {
        var call = new ModelCall
        {
            Principal = run.Principal,
            Lane = Lane.Agent,
            RouteName = model,
            RunId = run.RunId,
            RunCapMicroUsd = run.CapMicroUsd,
            RunCapTokens = run.CapTokens,
            PricedAt = run.SubmittedAt,
            Api = "runner",
        };
        call.Pauses = node.Pauses ?? call.Pauses;
        call.Request.Sampling = new Sampling { Temperature = temperature, Given = SamplingFields.Temperature };
        call.Request.MaxOutputTokens = maxTokens;
        call.Request.Ids = new CallIds(call.Request.Text.Copy($"{run.RunId}/{node.Path}"));
        return call;
    }

    public static void Constrain(ModelRequest request, StepNode node, JsonElement schema, IEnumerable<KeyValuePair<string, string>> texts)
    {
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy(JsonValues.ToUtf8(schema));
        request.Constraint.Name = request.Text.Copy(node.Spec.Id);
        foreach (var (name, text) in texts)
        {
            request.Constraint.Inputs.Add(new NamedInput(request.Text.Copy(name), request.Text.Copy(text)));
        }
    }

    public static StepResult Failure(Outcome outcome) => new()
    {
        Outcome = outcome.Error.Cause == ErrorCause.Cancelled ? StepStateName.Cancelled : StepStateName.Failed,
        Message = outcome.Error.Message,
        Retryable = outcome.RefusedByBudget is null && IsTransient(outcome.Error.Cause),
        RefusedByBudget = outcome.RefusedByBudget is not null,
        RetryAfter = outcome.Error.RetryAfter,
        TokensIn = outcome.Usage.InputTokens,
        TokensOut = outcome.Usage.OutputTokens,
        CostMicroUsd = outcome.CostMicroUsd,
        Estimated = outcome.Quality == UsageQuality.Estimated,
    };

    /// <summary>The answer as the step's output, or why it is none.</summary>
    public static StepResult Check(AnswerCollector answer, Outcome outcome, JsonElement? schema, IReadOnlyDictionary<string, string> texts)
    {
        var result = answer.Overflowed
            ? StepResult.Failed("the answer is larger than 4 MB", retryable: true)
            : schema is { } wanted ? Parse(answer, outcome, wanted, texts) : StepResult.Done(JsonValues.Of(answer.Text));
        return result with
        {
            TokensIn = outcome.Usage.InputTokens,
            TokensOut = outcome.Usage.OutputTokens,
            CostMicroUsd = outcome.CostMicroUsd,
            Estimated = outcome.Quality == UsageQuality.Estimated,
        };
    }

    private static StepResult Parse(AnswerCollector answer, Outcome outcome, JsonElement schema, IReadOnlyDictionary<string, string> texts)
    {
        if (!JsonValues.TryParse(answer.Utf8, out var value, out var error))
        {
            var cut = outcome.Reason == FinishReason.Length ? "; it was cut at max_tokens or at the end of the context" : "";
            return StepResult.Failed($"the answer is not JSON: {error}{cut}", retryable: true);
        }

        var problems = SchemaValidator.Validate(schema, value, texts);
        return problems.Count == 0 ? StepResult.Done(value) : StepResult.Failed("the answer does not fit its schema: " + string.Join("; ", problems), retryable: true);
    }

    /// <summary>Causes that another attempt may not meet again.</summary>
    private static bool IsTransient(ErrorCause cause) => cause
        is ErrorCause.RateLimited or ErrorCause.Overloaded or ErrorCause.ConnectFailed or ErrorCause.FirstTokenTimeout or ErrorCause.Stalled or ErrorCause.Cut
        or ErrorCause.Malformed or ErrorCause.SchemaViolated or ErrorCause.Draining or ErrorCause.Internal;
}
