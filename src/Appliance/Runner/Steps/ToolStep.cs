using System.Text.Json;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>One tool call. A side effect is announced in the journal before it begins, so that a crash in between is seen.</summary>
internal sealed class ToolStep(RunnerRooms rooms)
{
    public async ValueTask<StepResult> RunAsync(StepNode node, ToolPlan plan, RunContext run, CancellationToken cancel)
    {
        var tool = rooms.Tools.Find(plan.Tool);
        if (tool is null)
        {
            return StepResult.Failed($"this box has no tool '{plan.Tool}' any more", retryable: false);
        }

        if (tool.Description.Purity == ToolPurity.SideEffect)
        {
            await run.Commit(Intent(node, run, plan.Tool, -1, rooms.Time.GetUtcNow()));
        }

        return await CallAsync(tool, plan.Arguments, plan.Inputs, run, cancel) switch
        {
            null => new StepResult { Outcome = StepStateName.Unknown, Message = "the tool was stopped while it changed something: look whether it happened" },
            { Succeeded: false } refused => StepResult.Failed(refused.Error!, retryable: true),
            { } done => Check(node, done.Value) with { TokensIn = done.Spent.TokensIn, TokensOut = done.Spent.TokensOut, CostMicroUsd = done.Spent.CostMicroUsd },
        };
    }

    public static RunEvent Intent(StepNode node, RunContext run, string tool, int call, DateTimeOffset at) =>
        new() { Type = RunEventType.ToolIntent, RunId = run.RunId, At = at, Step = node.Path, Message = tool, CallIndex = call };

    /// <returns>Null when a side effect was cut short, so that its outcome is not known.</returns>
    public async ValueTask<ToolResult?> CallAsync(
        ITool tool, JsonElement arguments, IReadOnlyDictionary<string, JsonElement> inputs, RunContext run, CancellationToken cancel)
    {
        var texts = new InputTexts(inputs);
        var context = new ToolContext { RunId = run.RunId, Principal = run.Principal, Time = rooms.Time, Texts = texts, Notes = rooms.Notes };
        try
        {
            return await ToolSet.CallAsync(tool, arguments, context, cancel);
        }
        catch (OperationCanceledException) when (tool.Description.Purity == ToolPurity.SideEffect)
        {
            return null;
        }
    }

    private static StepResult Check(StepNode node, JsonElement value)
    {
        var problems = node.Spec.OutputSchema is { } schema ? SchemaValidator.Validate(schema, value) : [];
        return problems.Count == 0 ? StepResult.Done(value) : StepResult.Failed("the tool's result does not fit the schema: " + string.Join("; ", problems), retryable: true);
    }
}
