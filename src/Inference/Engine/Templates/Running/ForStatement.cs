using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary><c>for target in items if condition</c> ... <c>else</c> ... <c>endfor</c>, with <c>loop</c> inside.</summary>
internal sealed class ForStatement(Place place, Target target, Expression items, Expression? condition, List<Statement> body, List<Statement> otherwise) : Statement(place)
{
    protected override Flow Act(RenderState state)
    {
        var outer = state.Scope;
        var kept = Kept(state, Sequences.Of(Place, items.Evaluate(state)));
        try
        {
            for (var i = 0; i < kept.Count; i++)
            {
                state.Step(Place);
                state.Scope = new Scope(outer);
                state.Scope.Set("loop", LoopAt(kept, i));
                target.Assign(state, kept[i]);
                if (RunAll(body, state) == Flow.Break)
                {
                    break;
                }
            }
        }
        finally
        {
            state.Scope = outer;
        }

        return kept.Count == 0 ? RunAll(otherwise, state) : Flow.Next;
    }

    private IReadOnlyList<Value> Kept(RenderState state, IReadOnlyList<Value> all)
    {
        if (condition is null)
        {
            return all;
        }

        var outer = state.Scope;
        var kept = new List<Value>();
        try
        {
            foreach (var item in all)
            {
                state.Step(Place);
                state.Scope = new Scope(outer);
                target.Assign(state, item);
                if (condition.Evaluate(state).IsTrue)
                {
                    kept.Add(item);
                }
            }
        }
        finally
        {
            state.Scope = outer;
        }

        return kept;
    }

    private static MapValue LoopAt(IReadOnlyList<Value> items, int index)
    {
        var loop = new MapValue()
            .Set("index", new IntegerValue(index + 1))
            .Set("index0", new IntegerValue(index))
            .Set("revindex", new IntegerValue(items.Count - index))
            .Set("revindex0", new IntegerValue(items.Count - index - 1))
            .Set("first", Value.Of(index == 0))
            .Set("last", Value.Of(index == items.Count - 1))
            .Set("length", new IntegerValue(items.Count));
        _ = index > 0 ? loop.Set("previtem", items[index - 1]) : loop;
        return index + 1 < items.Count ? loop.Set("nextitem", items[index + 1]) : loop;
    }
}
