using Jesus.Appliance.Runner.Machine;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>Carries out one attempt of a step. Stateless; shared by all runs.</summary>
internal sealed class StepExecutor
{
    private readonly PromptStep _prompt;
    private readonly ToolStep _tool;
    private readonly AgentStep _agent;

    public StepExecutor(RunnerRooms rooms)
    {
        _prompt = new PromptStep(rooms.CallModel);
        _tool = new ToolStep(rooms);
        _agent = new AgentStep(rooms, _tool);
    }

    /// <exception cref="OperationCanceledException">The attempt was cancelled or ran out of time.</exception>
    public ValueTask<StepResult> RunAsync(ExecuteStep action, RunContext run, CancellationToken cancel) => action.Plan switch
    {
        PromptPlan plan => _prompt.RunAsync(action.Node, plan, run, cancel),
        ToolPlan plan => _tool.RunAsync(action, plan, run, cancel),
        AgentPlan plan => _agent.RunAsync(action.Node, plan, run, cancel),
        _ => throw new InvalidOperationException($"no executor for {action.Plan.GetType().Name}"),
    };
}
