using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Reads one workflow, and through <see cref="File"/> those that it names.</summary>
internal sealed class WorkflowReader(ErrorList errors, ToolSet tools, IReadOnlyDictionary<string, ReadOnlyMemory<byte>>? files, int nesting)
{
    private static readonly string[] Fields = ["name", "description", "inputs", "budget", "concurrency", "steps", "outputs"];
    private static readonly string[] TypeNames = ["string", "integer", "number", "boolean", "list", "object", "file"];

    public ToolSet Tools => tools;

    /// <summary>Every graph of this file, for the check at the end.</summary>
    public List<GraphScope> Graphs { get; } = [];

    /// <summary>Files that this workflow and the present ones below it name.</summary>
    public SortedSet<string> Named { get; } = new(StringComparer.Ordinal);

    public Workflow? Read(YamlNode root)
    {
        foreach (var (key, _) in root.Members.Where(member => member.Key.Text == "schedule"))
        {
            errors.Add(key, "'schedule' is not implemented yet: submit the run when it is due", Fields);
        }

        var fields = new FieldReader(root, errors, "a workflow", [.. Fields, "schedule"]);
        var name = Name(fields);
        var inputs = Inputs(fields.Find("inputs"));
        var scope = new GraphScope { Inputs = inputs };
        var steps = fields.Require("steps");
        var graph = steps is null ? null : new StepReader(this, errors).Read(steps, scope);
        var outputs = new ValueReader(errors, scope, -1).Members(fields.Find("outputs"), "'outputs'");
        CheckExpressions();
        var (usd, tokens) = Budget(fields.Find("budget"));
        return errors.Items.Count > 0 || graph is null ? null : new Workflow
        {
            Name = name,
            Description = fields.Text("description") ?? "",
            Inputs = inputs,
            BudgetMicroUsd = usd,
            BudgetTokens = tokens,
            Concurrency = fields.Integer("concurrency", 0, 1, WorkflowLimits.Concurrency),
            Graph = graph,
            Outputs = outputs,
            ReferencedFiles = [.. Named],
        };
    }

    /// <summary>The workflow of a file that a <c>run</c> step names; null when it was not given or is wrong (reported).</summary>
    public Workflow? File(YamlNode name, int depth)
    {
        _ = Named.Add(name.Text);
        if (files is null)
        {
            return null;
        }

        if (!files.TryGetValue(name.Text, out var bytes))
        {
            errors.Add(name, $"the workflow file '{name.Text}' was not sent along{Nearest.Hint(name.Text, files.Keys)}", [.. files.Keys.Order(StringComparer.Ordinal)]);
            return null;
        }

        if (nesting + depth >= WorkflowLimits.Nesting)
        {
            errors.Add(name, $"maps and sub-runs nest deeper than {WorkflowLimits.Nesting}; does '{name.Text}' run itself?");
            return null;
        }

        var inner = new ErrorList(name.Text);
        return Sub(YamlReader.Read(bytes, inner), inner, depth);
    }

    /// <summary>The workflow written inside a <c>run</c> step.</summary>
    public Workflow? Inline(YamlNode root, int depth)
    {
        if (nesting + depth >= WorkflowLimits.Nesting)
        {
            errors.Add(root, $"maps and sub-runs nest deeper than {WorkflowLimits.Nesting}");
            return null;
        }

        return Sub(root, new ErrorList(errors.File) { Source = errors.Source }, depth);
    }

    /// <summary>True when a sub-workflow is absent for another reason than a parse without files.</summary>
    public bool Missing(Workflow? workflow, string file) => workflow is null && (files is not null || file.Length == 0);

    private Workflow? Sub(YamlNode? root, ErrorList inner, int depth)
    {
        var reader = new WorkflowReader(inner, tools, files, nesting + depth + 1);
        var workflow = root is null ? null : reader.Read(root);
        errors.AddRange(inner.Items);
        Named.UnionWith(reader.Named);
        return workflow;
    }

    private string Name(FieldReader fields)
    {
        var name = fields.Require("name") is null ? "" : fields.Text("name") ?? "";
        if (name.Length > 0 && !Names.IsId(name))
        {
            errors.Add(fields.Find("name")!, $"'{name}' is no workflow name: {Names.IdRule}");
        }

        return name;
    }

    private (long MicroUsd, long Tokens) Budget(YamlNode? node)
    {
        if (node is null)
        {
            return (0, 0);
        }

        var fields = new FieldReader(node, errors, "'budget'", ["usd", "tokens"]);
        return ((long)(fields.Decimal("usd", 0, 0, 1_000_000) * 1_000_000), (long)fields.Decimal("tokens", 0, 0, 1_000_000_000_000));
    }

    private List<InputSpec> Inputs(YamlNode? node)
    {
        var inputs = new List<InputSpec>();
        if (node is not null && node.Kind != YamlKind.Mapping)
        {
            errors.Add(node, $"'inputs' is a mapping of names to types, not {node.KindName}");
        }

        foreach (var (key, value) in node?.Members ?? [])
        {
            if (!Names.IsId(key.Text))
            {
                errors.Add(key, $"'{key.Text}' is no input name: {Names.IdRule}");
            }

            inputs.Add(value.Kind == YamlKind.Scalar ? new InputSpec(key.Text, Type(value), "", null) : Input(key.Text, value));
        }

        return inputs;
    }

    private InputSpec Input(string name, YamlNode node)
    {
        var fields = new FieldReader(node, errors, "an input", ["type", "description", "default"]);
        var type = fields.Require("type") is { } typeNode ? Type(typeNode) : InputType.String;
        var spec = new InputSpec(name, type, fields.Text("description") ?? "", null);
        if (fields.Find("default") is not { } value)
        {
            return spec;
        }

        var json = ValueReader.Json(value);
        if (InputValues.Problem(spec, json) is { } problem)
        {
            errors.Add(value, problem);
        }

        return spec with { Default = json };
    }

    private InputType Type(YamlNode node)
    {
        var index = node.Kind == YamlKind.Scalar ? Array.IndexOf(TypeNames, node.Text) : -1;
        if (index < 0)
        {
            errors.Add(node, $"'{node.Text}' is no type of an input{Nearest.Hint(node.Text, TypeNames)}", TypeNames);
        }

        return (InputType)Math.Max(0, index);
    }

    private void CheckExpressions()
    {
        if (Graphs.All(graph => graph.Before.All(before => before is not null)))
        {
            var check = new GraphCheck(errors, tools);
            Graphs.ForEach(check.Expressions);
        }
    }
}
