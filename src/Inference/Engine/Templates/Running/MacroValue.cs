using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>A macro: a text made by a part of the template, which sees its parameters and the names set at the template's top.</summary>
internal sealed class MacroValue(string name, List<(string Name, Expression? Default)> parameters, List<Statement> body) : Value
{
    public override bool IsTrue => true;
    public override string Kind => "macro";

    public Value Call(RenderState state, Place place, List<Argument> arguments)
    {
        if (state.CallDepth >= TemplateLimits.CallDepthMax)
        {
            throw new TemplateFault(place, $"macro '{name}' calls itself more than {TemplateLimits.CallDepthMax} deep.");
        }

        var scope = Bind(state, place, arguments);
        var outer = state.Scope;
        state.CallDepth++;
        try
        {
            state.Scope = scope;
            return state.Capture(inner => Statement.RunAll(body, inner));
        }
        finally
        {
            state.Scope = outer;
            state.CallDepth--;
        }
    }

    private Scope Bind(RenderState state, Place place, List<Argument> arguments)
    {
        var scope = new Scope(state.Globals);
        var call = new CallFrame(state, place, None, arguments);
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, fallback) = parameters[i];
            scope.Set(parameter, call.Get(i, parameter) ?? fallback?.Evaluate(state) ?? new UndefinedValue(parameter));
        }

        return arguments.Count <= parameters.Count ? scope : throw call.Fault($"macro '{name}' takes {parameters.Count} arguments, not {arguments.Count}.");
    }
}
