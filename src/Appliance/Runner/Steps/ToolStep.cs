using System.Text.Json;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>
/// One tool call. A side effect is announced in the journal before the call begins, a payment by the tool itself before it is made, so that a crash in between
/// is seen: what may have happened is not done again unasked.
/// </summary>
internal sealed class ToolStep(RunnerRooms rooms)
{
    public async ValueTask<StepResult> RunAsync(ExecuteStep action, ToolPlan plan, RunContext run, CancellationToken cancel)
    {
        var node = action.Node;
        var tool = rooms.Tools.Find(plan.Tool);
        if (action.Lost is { } paid)
        {
            return Lost(tool, plan, paid, node.Spec.Retry.Unknown);
        }

        if (tool is null)
        {
            return StepResult.Failed($"this box has no tool '{plan.Tool}' any more", retryable: false);
        }

        if (tool.Description.Purity == ToolPurity.SideEffect)
        {
            await run.Commit(Intent(node, run, plan.Tool, -1, rooms.Time.GetUtcNow()));
        }

        var announced = default(ToolSpending);
        var context = ContextOf(plan.Inputs, run) with
        {
            Pauses = node.Pauses,
            IsLastAttempt = action.Attempt >= node.Spec.Retry.Attempts,
            Announce = tool.Description.Purity != ToolPurity.Paid ? null : async atMost =>
            {
                await run.Commit(Intent(node, run, plan.Tool, -1, rooms.Time.GetUtcNow()) with { AtMost = atMost });
                announced = atMost with { Estimated = true };
            },
        };
        return await CallAsync(tool, plan.Arguments, context, cancel) switch
        {
            null when tool.Description.Purity == ToolPurity.Paid => Stopped(announced),
            null => new StepResult { Outcome = StepStateName.Unknown, Message = "the tool was stopped while it changed something: look whether it happened" },
            { WasStopped: true } stopped => Stopped(stopped.Spent),
            { Succeeded: false } refused => StepResult.Failed(refused.Error!, retryable: true).With(refused.Spent) with { RetryAfter = refused.RetryAfter },
            { } done => Check(node, done.Value).With(done.Spent),
        };
    }

    public static RunEvent Intent(StepNode node, RunContext run, string tool, int call, DateTimeOffset at) =>
        new() { Type = RunEventType.ToolIntent, RunId = run.RunId, At = at, Step = node.Path, Message = tool, CallIndex = call };

    public ToolContext ContextOf(IReadOnlyDictionary<string, JsonElement> inputs, RunContext run) =>
        new() { RunId = run.RunId, Principal = run.Principal, Time = rooms.Time, Texts = new InputTexts(inputs), Notes = rooms.Notes };

    /// <returns>Null when a side effect or a payment was cut short, so that its outcome is not known.</returns>
    public async ValueTask<ToolResult?> CallAsync(ITool tool, JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        try
        {
            return await ToolSet.CallAsync(tool, arguments, context, cancel);
        }
        catch (OperationCanceledException) when (tool.Description.Purity != ToolPurity.ReadOnly)
        {
            return null;
        }
    }

    /// <summary>A crash took the result of a call that may have been paid: it counts as paid, and the tool says what the step yields.</summary>
    private static StepResult Lost(ITool? tool, ToolPlan plan, in ToolSpending atMost, bool mayRepeat)
    {
        if (mayRepeat)
        {
            return StepResult.Failed("a crash took the result of a call that may have been paid; it is made again", retryable: true).With(atMost) with { Again = true };
        }

        var result = tool?.Lost(plan.Arguments, atMost) ?? ToolResult.Failed($"this box has no tool '{plan.Tool}' any more, and a call of it may have been paid");
        return result.Succeeded ? StepResult.Done(result.Value).With(atMost) : new StepResult { Outcome = StepStateName.Unknown, Message = result.Error }.With(atMost);
    }

    private static StepResult Stopped(in ToolSpending spent) => new StepResult { Outcome = StepStateName.Cancelled, Message = "cancelled" }.With(spent);

    private static StepResult Check(StepNode node, JsonElement value)
    {
        var problems = node.Spec.OutputSchema is { } schema ? SchemaValidator.Validate(schema, value) : [];
        return problems.Count == 0 ? StepResult.Done(value) : StepResult.Failed("the tool's result does not fit the schema: " + string.Join("; ", problems), retryable: true);
    }
}
