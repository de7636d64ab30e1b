using Jesus.Appliance.Runner.Machine;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>One model call. Reads only: after a crash it is simply made again.</summary>
internal sealed class PromptStep(CallModel callModel)
{
    public async ValueTask<StepResult> RunAsync(StepNode node, PromptPlan plan, RunContext run, CancellationToken cancel)
    {
        var call = ModelStep.NewCall(run, node, plan.Model, plan.Body.Temperature, plan.Body.MaxTokens);
        using var text = call.Request.Text;
        Fill(call.Request, node, plan);
        var answer = new AnswerCollector();
        var outcome = await callModel(call, answer, cancel);
        if (!outcome.Succeeded)
        {
            return ModelStep.Failure(outcome);
        }

        var texts = plan.NamedTexts.ToDictionary(entry => entry.Key, entry => entry.Value);
        _ = texts.TryAdd("prompt", plan.User);
        return ModelStep.Check(answer, outcome, node.Spec.OutputSchema, texts);
    }

    private static void Fill(ModelRequest request, StepNode node, PromptPlan plan)
    {
        if (plan.System.Length > 0)
        {
            request.Turns.Add(TurnRole.System, request.Text.Copy(plan.System));
        }

        request.Turns.Add(TurnRole.User, request.Text.Copy(plan.User));
        if (node.Spec.OutputSchema is { } schema)
        {
            ModelStep.Constrain(request, node, schema, plan.NamedTexts);
        }
    }
}
