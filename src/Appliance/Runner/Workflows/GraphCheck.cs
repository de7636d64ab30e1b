using System.Collections;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Checks what needs the whole file: cycles, references and the types of expressions.</summary>
internal sealed class GraphCheck(ErrorList errors, ToolSet tools)
{
    /// <summary>Fills <see cref="GraphScope.Before"/>; reports a cycle by the names on it.</summary>
    /// <returns>False when there is a cycle: nothing else of the graph can then be checked.</returns>
    public bool Order(GraphScope scope, IReadOnlyList<YamlNode> places)
    {
        var before = new BitArray?[scope.Steps.Count];
        var path = new List<int>();
        scope.Before = new BitArray[scope.Steps.Count];
        for (var i = 0; i < scope.Steps.Count; i++)
        {
            if (!Visit(scope, i, before, path, places))
            {
                return false;
            }

            scope.Before[i] = before[i]!;
        }

        return true;
    }

    public void Expressions(GraphScope scope)
    {
        foreach (var use in scope.Uses)
        {
            var shape = TypeOf(use.Expression, use);
            if (use.Wanted != ValueType.Any && shape.Type != ValueType.Any && shape.Type != use.Wanted)
            {
                Report(use, use.Expression, $"this must be {new Shape(use.Wanted).Name}, and is {shape.Name}");
            }
        }
    }

    private bool Visit(GraphScope scope, int step, BitArray?[] before, List<int> path, IReadOnlyList<YamlNode> places)
    {
        if (before[step] is not null)
        {
            return true;
        }

        var again = path.IndexOf(step);
        if (again >= 0)
        {
            var names = path.Skip(again).Append(step).Select(i => scope.Ids[i]);
            errors.Add(places[step], $"these steps wait for each other for ever: {string.Join(" needs ", names)}");
            return false;
        }

        path.Add(step);
        var all = new BitArray(scope.Steps.Count);
        foreach (var need in scope.Steps[step]?.Needs ?? [])
        {
            if (!Visit(scope, need, before, path, places))
            {
                return false;
            }

            all.Or(before[need]!)[need] = true;
        }

        path.RemoveAt(path.Count - 1);
        before[step] = all;
        return true;
    }

    private Shape TypeOf(Expression expression, in ExpressionUse use) => expression switch
    {
        Literal literal => Shape.OfValue(literal.Value),
        Reference reference => TypeOf(reference, use),
        Negation negation => Boolean(use, negation.Operand),
        Binary { Operator: Operator.And or Operator.Or } binary => Both(Boolean(use, binary.Left), Boolean(use, binary.Right)),
        Binary binary => Comparison(binary, use),
        Call call => TypeOf(call, use),
        _ => Shape.Any,
    };

    private static Shape Both(Shape left, Shape right) => left.Type == right.Type ? left : new Shape(ValueType.Boolean);

    private Shape Boolean(in ExpressionUse use, Expression operand)
    {
        var shape = TypeOf(operand, use);
        if (shape.Type is not (ValueType.Any or ValueType.Boolean))
        {
            Report(use, operand, $"'and', 'or' and 'not' join conditions, and this is {shape.Name}: compare it", "==", "!=", "<", "<=", ">", ">=", "in");
        }

        return new Shape(ValueType.Boolean);
    }

    private Shape Comparison(Binary binary, in ExpressionUse use)
    {
        var (left, right) = (TypeOf(binary.Left, use), TypeOf(binary.Right, use));
        if (left.Type == ValueType.Any || right.Type == ValueType.Any)
        {
            return new Shape(ValueType.Boolean);
        }

        if (binary.Operator == Operator.In)
        {
            CheckWhole(use, binary.Right, right);
        }
        else if (binary.Operator is Operator.Equal or Operator.NotEqual)
        {
            if (left.Type != right.Type && left.Type != ValueType.Null && right.Type != ValueType.Null)
            {
                Report(use, binary, $"{left.Name} is never equal to {right.Name}");
            }
        }
        else if (left.Type != right.Type || left.Type is not (ValueType.Number or ValueType.String))
        {
            Report(use, binary, $"{left.Name} and {right.Name} have no order: compare two numbers or two strings");
        }

        return new Shape(ValueType.Boolean);
    }

    private Shape TypeOf(Call call, in ExpressionUse use)
    {
        var first = TypeOf(call.Arguments[0], use);
        switch (call.Function)
        {
            case Function.Length:
                CheckWhole(use, call.Arguments[0], first);
                return new Shape(ValueType.Number);
            case Function.Contains:
                CheckWhole(use, call.Arguments[0], first);
                _ = TypeOf(call.Arguments[1], use);
                return new Shape(ValueType.Boolean);
            default:
                var second = TypeOf(call.Arguments[1], use);
                return first.Type == second.Type ? first : first.Type == ValueType.Null ? second : Shape.Any;
        }
    }

    private void CheckWhole(in ExpressionUse use, Expression expression, Shape shape)
    {
        if (shape.Type is ValueType.Number or ValueType.Boolean or ValueType.Null)
        {
            Report(use, expression, $"a list, an object or a string is wanted here, not {shape.Name}");
        }
    }

    private Shape TypeOf(Reference reference, in ExpressionUse use)
    {
        var shape = reference.Root switch
        {
            ReferenceRoot.Input => InputShape(reference, use),
            ReferenceRoot.Item => ItemShape(reference.Name, use.Scope),
            _ => StepShape(reference, use),
        };
        foreach (var segment in reference.Path)
        {
            shape = shape.Follow(segment, out var problem, out var allowed);
            if (problem is not null)
            {
                Report(use, reference, $"{reference}: {problem}", [.. allowed]);
                return Shape.Any;
            }
        }

        return shape;
    }

    private Shape InputShape(Reference reference, in ExpressionUse use)
    {
        if (use.Scope.Inputs.FirstOrDefault(input => input.Name == reference.Name) is { } found)
        {
            return Shape.OfInput(found.Type);
        }

        string[] names = [.. use.Scope.Inputs.Select(input => input.Name)];
        Report(use, reference, $"the workflow declares no input '{reference.Name}'{Nearest.Hint(reference.Name, names)}", names);
        return Shape.Any;
    }

    private Shape ItemShape(string name, GraphScope scope)
    {
        var at = scope;
        while (at.ItemName != name)
        {
            at = at.Outer!;
        }

        return at.Over?.Text?.Whole is { } over && at.Outer is not null
            ? TypeOf(over, new ExpressionUse(over, Quiet, at.Outer, at.OuterStep, ValueType.Any)).Items()
            : Shape.Any;
    }

    /// <summary>The place of an expression that is checked elsewhere: its errors are reported there.</summary>
    private static readonly YamlNode Quiet = new() { Kind = YamlKind.Scalar, Line = -1, Column = 0 };

    private Shape StepShape(Reference reference, in ExpressionUse use)
    {
        var at = use.Step;
        for (var scope = use.Scope; scope is not null; (at, scope) = (scope.OuterStep, scope.Outer))
        {
            var index = scope.Ids.IndexOf(reference.Name);
            if (index < 0)
            {
                continue;
            }

            if (at >= 0 && (at >= scope.Before.Length || scope.Before[at] is not { } before || !before[index]))
            {
                Report(use, reference, index == at
                    ? $"step '{reference.Name}' cannot use its own output"
                    : $"step '{scope.Ids[at]}' uses the output of '{reference.Name}' without waiting for it: add '{reference.Name}' to its needs");
            }

            return scope.Steps[index] is { } step ? ShapeOf(step) : Shape.Any;
        }

        string[] names = [.. AllIds(use.Scope)];
        Report(use, reference, $"there is no step '{reference.Name}' here{Nearest.Hint(reference.Name, names)}", names);
        return Shape.Any;
    }

    private static IEnumerable<string> AllIds(GraphScope? scope) => scope is null ? [] : scope.Ids.Concat(AllIds(scope.Outer));

    /// <summary>What a step yields; <see cref="ValueType.Any"/> for one that may be skipped, since its output may be null.</summary>
    private Shape ShapeOf(StepSpec step) => step.OutputSchema is { } schema
        ? Shape.OfSchema(schema)
        : step.Body switch
        {
            PromptBody or AgentBody => new Shape(ValueType.String),
            ToolBody tool => tools.Find(tool.Name) is { } found ? Shape.OfSchema(found.Description.Output) : Shape.Any,
            ApproveBody => Shape.OfSchema(Approval),
            MapBody => new Shape(ValueType.List),
            _ => new Shape(ValueType.Object),
        };

    /// <summary>What an answered approval yields.</summary>
    private static readonly System.Text.Json.JsonElement Approval = JsonValues.Parse(
        """{"type":"object","properties":{"approved":{"type":"boolean"},"by":{"type":"string"},"note":{"type":"string"}}}"""u8);

    private void Report(in ExpressionUse use, Expression at, string message, params string[] allowed)
    {
        if (use.Node.Line > 0)
        {
            errors.Add(use.Node, at is Binary binary ? FirstOffset(binary) : at.Offset, message, allowed);
        }
    }

    private static int FirstOffset(Expression expression) => expression is Binary binary ? FirstOffset(binary.Left) : expression.Offset;
}
