using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Reads the part of a step that its kind defines.</summary>
internal sealed class BodyReader(WorkflowReader reader, ErrorList errors, GraphScope scope, int step)
{
    private readonly ValueReader _values = new(errors, scope, step);

    public StepBody? Read(StepKind kind, YamlNode node) => kind switch
    {
        StepKind.Prompt => Prompt(node),
        StepKind.Agent => Agent(node),
        StepKind.Tool => Tool(node),
        StepKind.Map => Map(node),
        StepKind.Approve => Approve(node),
        _ => Run(node),
    };

    private PromptBody? Prompt(YamlNode node)
    {
        var fields = new FieldReader(node, errors, "a prompt", ["model", "system", "user", "inputs", "temperature", "max_tokens"]);
        var user = _values.Text(fields.Require("user"), "'user'");
        return user is null ? null : new PromptBody(
            _values.Text(fields.Find("model"), "'model'"),
            _values.Text(fields.Find("system"), "'system'"),
            user,
            _values.Members(fields.Find("inputs"), "'inputs'"),
            (float)fields.Decimal("temperature", 0, 0, 2),
            fields.Integer("max_tokens", 0, 1, 1_000_000));
    }

    private AgentBody? Agent(YamlNode node)
    {
        var fields = new FieldReader(node, errors, "an agent", ["model", "system", "task", "tools", "max_turns", "temperature", "max_tokens"]);
        var task = _values.Text(fields.Require("task"), "'task'");
        var tools = ToolNames(fields.Require("tools"));
        return task is null ? null : new AgentBody(
            _values.Text(fields.Find("model"), "'model'"),
            _values.Text(fields.Find("system"), "'system'"),
            task,
            tools,
            fields.Integer("max_turns", 8, 1, WorkflowLimits.Turns),
            (float)fields.Decimal("temperature", 0, 0, 2),
            fields.Integer("max_tokens", 0, 1, 1_000_000));
    }

    private List<string> ToolNames(YamlNode? node)
    {
        var names = new List<string>();
        if (node is not null && (node.Kind != YamlKind.List || node.Items.Count == 0))
        {
            errors.Add(node, "'tools' is a list of tool names, with at least one", reader.Tools.Names);
        }

        foreach (var item in node?.Items ?? [])
        {
            if (CheckTool(item) && !names.Contains(item.Text))
            {
                names.Add(item.Text);
            }
        }

        return names;
    }

    private bool CheckTool(YamlNode node)
    {
        if (reader.Tools.Find(node.Text) is not null)
        {
            return true;
        }

        errors.Add(node, $"there is no tool '{node.Text}'{Nearest.Hint(node.Text, reader.Tools.Names)}", reader.Tools.Names);
        return false;
    }

    private ToolBody? Tool(YamlNode node)
    {
        var fields = new FieldReader(node, errors, "a tool step", ["name", "arguments"]);
        var name = fields.Require("name");
        var arguments = fields.Find("arguments");
        var value = arguments is null ? ValueTemplate.Of(JsonValues.Parse("{}"u8)) : _values.Value(arguments);
        if (name is null || !CheckTool(name) || value is null)
        {
            return null;
        }

        CheckArguments(name.Text, arguments, node);
        return new ToolBody(name.Text, value);
    }

    /// <summary>What can be seen without running: names that the tool does not know or that it misses.</summary>
    private void CheckArguments(string tool, YamlNode? arguments, YamlNode body)
    {
        var node = arguments ?? new YamlNode { Kind = YamlKind.Mapping, Line = body.Line, Column = body.Column };
        var parameters = reader.Tools.Find(tool)!.Description.Parameters;
        string[] known = parameters.TryGetProperty("properties", out var properties) ? [.. properties.EnumerateObject().Select(property => property.Name)] : [];
        if (node.Kind != YamlKind.Mapping)
        {
            errors.Add(node, $"'arguments' is a mapping, not {node.KindName}", known);
            return;
        }

        foreach (var (key, _) in node.Members.Where(member => known.Length > 0 && !known.Contains(member.Key.Text)))
        {
            errors.Add(key, $"{tool} has no argument '{key.Text}'{Nearest.Hint(key.Text, known)}", known);
        }

        if (parameters.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray().Select(name => name.GetString()!).Where(name => node.Members.All(member => member.Key.Text != name)))
            {
                errors.Add(node, $"{tool} needs the argument '{name}'", known);
            }
        }
    }

    private MapBody? Map(YamlNode node)
    {
        var fields = new FieldReader(node, errors, "a map", ["over", "as", "concurrency", "steps", "step", "output"]);
        var over = _values.Value(fields.Require("over"), ValueType.List);
        var name = fields.Text("as") ?? "item";
        if (!Names.IsId(name) || name is "inputs" or "steps" or "true" or "false" or "null" || scope.ItemNames.Contains(name))
        {
            errors.Add(fields.Find("as") ?? node, $"the item cannot be called '{name}': {Names.IdRule}, no word of the language, and not the name of an enclosing item");
        }

        var inner = new GraphScope
        {
            Outer = scope,
            OuterStep = step,
            ItemName = name,
            ItemNames = [.. scope.ItemNames, name],
            Over = over,
            Inputs = scope.Inputs,
        };
        var graph = MapSteps(fields, node, inner);
        var output = new ValueReader(errors, inner, -1).Value(fields.Find("output"));
        return over is null || graph is null ? null : new MapBody(over, name, fields.Integer("concurrency", 0, 1, WorkflowLimits.Concurrency), graph, output);
    }

    private StepGraph? MapSteps(FieldReader fields, YamlNode node, GraphScope inner)
    {
        if (inner.Nesting > WorkflowLimits.Nesting)
        {
            errors.Add(node, $"maps and sub-runs nest deeper than {WorkflowLimits.Nesting}");
            return null;
        }

        var (steps, single) = (fields.Find("steps"), fields.Find("step"));
        if (steps is null == single is null)
        {
            errors.Add(node, "a map needs 'steps' (several, by id) or 'step' (one), and not both", "steps", "step");
            return null;
        }

        return new StepReader(reader, errors).Read(steps ?? Single(fields.Key("step")!, single!), inner);
    }

    /// <summary><c>step: {...}</c> is <c>steps: {step: {...}}</c>.</summary>
    private static YamlNode Single(YamlNode key, YamlNode value)
    {
        var steps = new YamlNode { Kind = YamlKind.Mapping, Line = key.Line, Column = key.Column };
        steps.Members.Add(new(key, value));
        return steps;
    }

    private ApproveBody? Approve(YamlNode node)
    {
        var fields = new FieldReader(node, errors, "an approval", ["message", "timeout"]);
        var message = _values.Text(fields.Require("message"), "'message'");
        var timeout = fields.Duration("timeout", TimeSpan.FromDays(365));
        return message is null ? null : new ApproveBody(message, timeout);
    }

    private RunBody? Run(YamlNode node)
    {
        var fields = new FieldReader(node, errors, "a sub-run", ["workflow", "inputs"]);
        var inputs = _values.Members(fields.Find("inputs"), "'inputs'");
        if (fields.Require("workflow") is not { } which)
        {
            return null;
        }

        var file = which.Kind == YamlKind.Scalar ? which.Text : "";
        var workflow = which.Kind == YamlKind.Mapping ? reader.Inline(which, scope.Nesting) : reader.File(which, scope.Nesting);
        CheckInputs(workflow, inputs, fields.Find("inputs") ?? node);
        return reader.Missing(workflow, file) ? null : new RunBody(file, workflow, inputs);
    }

    private void CheckInputs(Workflow? workflow, IReadOnlyList<KeyValuePair<string, ValueTemplate>> given, YamlNode node)
    {
        if (workflow is null)
        {
            return;
        }

        string[] names = [.. workflow.Inputs.Select(input => input.Name)];
        foreach (var name in given.Select(member => member.Key).Except(names))
        {
            errors.Add(node, $"the workflow '{workflow.Name}' declares no input '{name}'{Nearest.Hint(name, names)}", names);
        }

        foreach (var input in workflow.Inputs.Where(input => input.Required && given.All(member => member.Key != input.Name)))
        {
            errors.Add(node, $"the workflow '{workflow.Name}' needs the input '{input.Name}'", names);
        }
    }
}
