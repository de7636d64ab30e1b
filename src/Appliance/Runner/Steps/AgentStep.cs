using System.Text;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>
/// A model that calls tools until it answers. Every answer and every result is durable before the next begins, so a restart goes on with the
/// conversation instead of repeating it. With an output schema the last answer is asked for once more under the schema.
/// </summary>
internal sealed class AgentStep(RunnerRooms rooms, ToolStep tools)
{
    /// <summary>Characters of a tool's result that the model reads; the rest would push the task out of a small context.</summary>
    private const int ResultMax = 16 * 1024;

    /// <summary>Bytes of an answer that calls tools: it is one journal record, and arguments longer than this are no call.</summary>
    private const int CallMax = 24 * 1024;

    public async ValueTask<StepResult> RunAsync(StepNode node, AgentPlan plan, RunContext run, CancellationToken cancel)
    {
        while (true)
        {
            await FinishCallsAsync(node, plan, run, cancel);
            if (node.Agent is { } agent && agent.Turns.Count >= plan.Body.MaxTurns)
            {
                var message = $"the agent called tools {agent.Turns.Count} times without an answer; raise max_turns or simplify the task";
                return StepResult.Failed(message, retryable: true) with { Fresh = true };
            }

            var answer = new AnswerCollector();
            var outcome = await AskAsync(node, plan, run, answer, null, cancel);
            if (!outcome.Succeeded)
            {
                return ModelStep.Failure(outcome);
            }

            if (answer.Calls.Count == 0)
            {
                return await AnswerAsync(node, plan, run, answer, outcome, cancel);
            }

            if (answer.Bytes > CallMax)
            {
                return StepResult.Failed($"the model called tools with {answer.Bytes:N0} bytes of text and arguments, more than {CallMax:N0}", retryable: true);
            }

            await run.Commit(Called(node, run, answer, outcome));
        }
    }

    private async ValueTask<StepResult> AnswerAsync(StepNode node, AgentPlan plan, RunContext run, AnswerCollector answer, Outcome outcome, CancellationToken cancel)
    {
        var texts = new Dictionary<string, string> { ["prompt"] = plan.Task };
        if (node.Spec.OutputSchema is not { } schema)
        {
            return ModelStep.Check(answer, outcome, null, texts);
        }

        var shaped = new AnswerCollector();
        var last = await AskAsync(node, plan, run, shaped, answer.Text, cancel);
        var result = last.Succeeded ? ModelStep.Check(shaped, last, schema, texts) : ModelStep.Failure(last);
        return result with
        {
            Fresh = result.Outcome == StepStateName.Failed && last.Succeeded,
            TokensIn = result.TokensIn + outcome.Usage.InputTokens,
            TokensOut = result.TokensOut + outcome.Usage.OutputTokens,
            CostMicroUsd = result.CostMicroUsd + outcome.CostMicroUsd,
            Estimated = result.Estimated || outcome.Quality == UsageQuality.Estimated,
        };
    }

    private RunEvent Called(StepNode node, RunContext run, AnswerCollector answer, Outcome outcome) => new()
    {
        Type = RunEventType.AgentCalled,
        RunId = run.RunId,
        At = rooms.Time.GetUtcNow(),
        Step = node.Path,
        Message = answer.Text,
        Calls = answer.Calls,
        TokensIn = outcome.Usage.InputTokens,
        TokensOut = outcome.Usage.OutputTokens,
        CostMicroUsd = outcome.CostMicroUsd,
        Estimated = outcome.Quality == UsageQuality.Estimated,
    };

    /// <summary>Makes the calls of the last turn that have no result yet, in order.</summary>
    private async ValueTask FinishCallsAsync(StepNode node, AgentPlan plan, RunContext run, CancellationToken cancel)
    {
        if (node.Agent is not { Turns.Count: > 0 } agent)
        {
            return;
        }

        var turn = agent.Turns[^1];
        for (var i = 0; i < turn.Calls.Count; i++)
        {
            if (turn.Results[i] is not null)
            {
                continue;
            }

            var result = await MakeCallAsync(node, plan, run, turn.Calls[i], i, cancel);
            await run.Commit(new RunEvent
            {
                Type = RunEventType.AgentResult,
                RunId = run.RunId,
                At = rooms.Time.GetUtcNow(),
                Step = node.Path,
                CallIndex = i,
                Outcome = result.Succeeded ? StepStateName.Done : StepStateName.Failed,
                Output = JsonValues.Of(result.Succeeded ? Short(result.Text ?? JsonValues.ToText(result.Value)) : "error: " + result.Error),
            });
        }
    }

    private async ValueTask<ToolResult> MakeCallAsync(StepNode node, AgentPlan plan, RunContext run, AgentCall call, int index, CancellationToken cancel)
    {
        // What the model got wrong goes back to it in words: it may do better in its next turn.
        if (!plan.Body.Tools.Contains(call.Tool) || rooms.Tools.Find(call.Tool) is not { } tool)
        {
            return ToolResult.Failed($"there is no tool '{call.Tool}'; the tools are {string.Join(", ", plan.Body.Tools)}");
        }

        if (!JsonValues.TryParse(Encoding.UTF8.GetBytes(call.Arguments), out var arguments, out var error))
        {
            return ToolResult.Failed($"{call.Tool}: the arguments are not JSON: {error}");
        }

        if (tool.Description.Purity != ToolPurity.ReadOnly)
        {
            await run.Commit(ToolStep.Intent(node, run, call.Tool, index, rooms.Time.GetUtcNow()));
        }

        return await tools.CallAsync(tool, arguments, tools.ContextOf(plan.Inputs, run), cancel) ?? throw new OperationCanceledException(cancel);
    }

    private async ValueTask<Outcome> AskAsync(StepNode node, AgentPlan plan, RunContext run, AnswerCollector answer, string? said, CancellationToken cancel)
    {
        var call = ModelStep.NewCall(run, node, plan.Model, plan.Body.Temperature, plan.Body.MaxTokens);
        using var text = call.Request.Text;
        var request = call.Request;
        AddTurns(request, plan, node.Agent?.Turns ?? []);
        AddTools(request, plan);
        if (said is not null)
        {
            request.Turns.Add(TurnRole.Assistant, text.Copy(said));
            request.Turns.Add(TurnRole.User, text.Copy("Give that answer as JSON."));
            request.ToolChoice = new ToolChoice(ToolChoiceMode.None);
            ModelStep.Constrain(request, node, node.Spec.OutputSchema!.Value, []);
        }

        return await rooms.CallModel(call, answer, cancel);
    }

    private static void AddTurns(ModelRequest request, AgentPlan plan, IReadOnlyList<AgentTurn> turns)
    {
        var text = request.Text;
        if (plan.System.Length > 0)
        {
            request.Turns.Add(TurnRole.System, text.Copy(plan.System));
        }

        request.Turns.Add(TurnRole.User, text.Copy(plan.Task));
        foreach (var turn in turns)
        {
            request.Turns.Begin(TurnRole.Assistant);
            if (turn.Text.Length > 0)
            {
                request.Turns.Add(new TurnPart(PartKind.Text, text.Copy(turn.Text)));
            }

            foreach (var call in turn.Calls)
            {
                request.Turns.Add(new TurnPart(PartKind.ToolCall, text.Copy(call.Arguments), text.Copy(call.Id), text.Copy(call.Tool)));
            }

            for (var i = 0; i < turn.Calls.Count; i++)
            {
                request.Turns.Begin(TurnRole.Tool);
                request.Turns.Add(new TurnPart(PartKind.ToolResult, text.Copy(turn.Results[i] ?? ""), text.Copy(turn.Calls[i].Id), text.Copy(turn.Calls[i].Tool)));
            }
        }
    }

    private void AddTools(ModelRequest request, AgentPlan plan)
    {
        foreach (var description in plan.Body.Tools.Select(rooms.Tools.Find).OfType<ITool>().Select(tool => tool.Description))
        {
            request.Tools.Add(new ToolDefinition(
                request.Text.Copy(description.Name), request.Text.Copy(description.Description), request.Text.Copy(JsonValues.ToUtf8(description.Parameters))));
        }
    }

    private static string Short(string text) => text.Length <= ResultMax ? text : string.Concat(text.AsSpan(0, ResultMax), "... (cut)");
}
