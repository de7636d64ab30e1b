using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>How a statement ended: whether the loop around it goes on.</summary>
internal enum Flow : byte
{
    Next,
    Break,
    Continue,
}

/// <summary>A part of a template that writes, or changes what names mean.</summary>
internal abstract class Statement
{
    protected Statement(Place place) => Place = place;

    public Place Place { get; }

    public Flow Run(RenderState state)
    {
        state.Step(Place);
        return Act(state);
    }

    public static Flow RunAll(List<Statement> statements, RenderState state)
    {
        foreach (var statement in statements)
        {
            var flow = statement.Run(state);
            if (flow != Flow.Next)
            {
                return flow;
            }
        }

        return Flow.Next;
    }

    protected abstract Flow Act(RenderState state);
}

internal sealed class TextStatement(Place place, TextValue text) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        state.Write(Place, text);
        return Flow.Next;
    }
}

internal sealed class OutputStatement(Place place, Expression expression) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        state.Write(Place, expression.Evaluate(state));
        return Flow.Next;
    }
}

internal sealed class IfStatement(Place place, List<(Expression Condition, List<Statement> Body)> branches, List<Statement> otherwise) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        foreach (var (condition, body) in branches)
        {
            if (condition.Evaluate(state).IsTrue)
            {
                return RunAll(body, state);
            }
        }

        return RunAll(otherwise, state);
    }
}

internal sealed class BreakStatement(Place place, Flow flow) : Statement(place)
{
    protected override Flow Act(RenderState state) => flow;
}

/// <summary><c>set name = value</c>, <c>set a, b = pair</c>, <c>set space.member = value</c>.</summary>
internal sealed class SetStatement(Place place, Target target, Expression value) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        target.Assign(state, value.Evaluate(state));
        return Flow.Next;
    }
}

/// <summary><c>set name</c> ... <c>endset</c>: the text written in between.</summary>
internal sealed class SetBlockStatement(Place place, Target target, List<Statement> body) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        target.Assign(state, state.Capture(inner => RunAll(body, inner)));
        return Flow.Next;
    }
}

internal sealed class MacroStatement(Place place, string name, List<(string Name, Expression? Default)> parameters, List<Statement> body) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        state.Scope.Set(name, new MacroValue(name, parameters, body));
        return Flow.Next;
    }
}

/// <summary>What an assignment or a loop names: one name, several, or a member of a namespace.</summary>
internal sealed class Target(Place place, List<string> names, string? member)
{
    public void Assign(RenderState state, Value value)
    {
        if (member is not null)
        {
            var space = state.Scope.Find(names[0]) as MapValue;
            _ = space is { IsNamespace: true } ? space.Set(member, value) : throw new TemplateFault(place, $"'{names[0]}' is no namespace; only a namespace's members can be set.");
            return;
        }

        if (names.Count == 1)
        {
            state.Scope.Set(names[0], value);
            return;
        }

        if (value is not ListValue list || list.Items.Count != names.Count)
        {
            throw new TemplateFault(place, $"{names.Count} names take a list of {names.Count}, not a {value.Kind}.");
        }

        for (var i = 0; i < names.Count; i++)
        {
            state.Scope.Set(names[i], list.Items[i]);
        }
    }
}
