using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Reads the steps of one graph: the fields that every step has; <see cref="BodyReader"/> reads the rest.</summary>
internal sealed class StepReader(WorkflowReader reader, ErrorList errors)
{
    private static readonly string[] Kinds = ["prompt", "agent", "tool", "map", "approve", "run"];
    private static readonly string[] Later = ["loop", "signal", "compensate"];
    private static readonly string[] Allowed = ["needs", "when", .. Kinds, "output", "retry", "timeout", "artifact"];

    /// <summary>Longer than a person keeps a question open; a timer past it is a mistake.</summary>
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromDays(30);

    /// <returns>Null when a step could not be read; every error is reported.</returns>
    public StepGraph? Read(YamlNode node, GraphScope scope)
    {
        if (node.Kind != YamlKind.Mapping || node.Members.Count == 0)
        {
            errors.Add(node, "'steps' is a mapping of step ids to steps, with at least one");
            return null;
        }

        if (node.Members.Count > WorkflowLimits.Steps)
        {
            errors.Add(node, $"there are {node.Members.Count:N0} steps, more than {WorkflowLimits.Steps:N0}: use a map or sub-runs");
            return null;
        }

        scope.Ids.AddRange(node.Members.Select(member => member.Key.Text));
        for (var i = 0; i < node.Members.Count; i++)
        {
            scope.Steps.Add(Step(node.Members[i].Key, node.Members[i].Value, i, scope));
        }

        reader.Graphs.Add(scope);
        var ordered = new GraphCheck(errors, reader.Tools).Order(scope, [.. node.Members.Select(member => member.Key)]);
        return ordered && scope.Steps.All(step => step is not null) ? new StepGraph([.. scope.Steps.OfType<StepSpec>()]) : null;
    }

    private StepSpec? Step(YamlNode key, YamlNode node, int index, GraphScope scope)
    {
        if (!Names.IsId(key.Text))
        {
            errors.Add(key, $"'{key.Text}' is no step id: {Names.IdRule}");
        }

        foreach (var (name, _) in node.Members.Where(member => Later.Contains(member.Key.Text)))
        {
            errors.Add(name, $"'{name.Text}' is not implemented yet", [.. Allowed.Except(Later)]);
        }

        var fields = new FieldReader(node, errors, "a step", [.. Allowed, .. Later]);
        if (node.Kind != YamlKind.Mapping || Kind(node, key) is not { } kind)
        {
            return null;
        }

        var values = new ValueReader(errors, scope, index);
        var body = new BodyReader(reader, errors, scope, index).Read(kind, fields.Find(Kinds[(int)kind])!);
        var needs = Needs(fields.Find("needs"), scope);
        return body is null ? null : new StepSpec
        {
            Id = key.Text,
            Index = index,
            Line = key.Line,
            Kind = kind,
            Body = body,
            Needs = needs,
            When = values.Condition(fields.Find("when")),
            OutputSchema = Schema(fields.Find("output"), kind),
            Retry = Retry(fields.Find("retry"), kind),
            Timeout = fields.Duration("timeout", TimeoutMax),
            Artifact = values.Text(fields.Find("artifact"), "'artifact'"),
        };
    }

    private StepKind? Kind(YamlNode node, YamlNode key)
    {
        var found = node.Members.Where(member => Kinds.Contains(member.Key.Text)).ToList();
        if (found.Count > 1)
        {
            errors.Add(found[1].Key, $"step '{key.Text}' is already '{found[0].Key.Text}': a step has one kind", Kinds);
        }
        else if (found.Count == 0 && !node.Members.Any(member => Later.Contains(member.Key.Text)))
        {
            errors.Add(key, $"step '{key.Text}' does not say what it does", Kinds);
        }

        return found.Count == 1 ? (StepKind)Array.IndexOf(Kinds, found[0].Key.Text) : null;
    }

    private List<int> Needs(YamlNode? node, GraphScope scope)
    {
        var needs = new List<int>();
        foreach (var need in node is null ? [] : node.Kind == YamlKind.List ? node.Items : [node])
        {
            var index = need.Kind == YamlKind.Scalar ? scope.Ids.IndexOf(need.Text) : -1;
            if (index < 0)
            {
                errors.Add(need, $"there is no step '{need.Text}' here{Nearest.Hint(need.Text, scope.Ids)}", scope.Ids);
            }
            else if (!needs.Contains(index))
            {
                needs.Add(index);
            }
        }

        return needs;
    }

    private JsonElement? Schema(YamlNode? node, StepKind kind)
    {
        if (node is null)
        {
            return null;
        }

        var fields = new FieldReader(node, errors, "'output'", ["schema"]);
        if (fields.Require("schema") is not { } schemaNode)
        {
            return null;
        }

        if (kind == StepKind.Approve)
        {
            errors.Add(schemaNode, "the output of an 'approve' step is fixed: {approved, by, note}");
        }

        var schema = ValueReader.Json(schemaNode);
        foreach (var problem in SchemaValidator.ProblemsOf(schema))
        {
            errors.Add(schemaNode, problem);
        }

        return schema;
    }

    private RetrySpec Retry(YamlNode? node, StepKind kind)
    {
        if (node is null)
        {
            return RetrySpec.Once;
        }

        if (kind is StepKind.Map or StepKind.Approve or StepKind.Run)
        {
            errors.Add(node, "'retry' belongs to the steps that do the work: put it on those inside");
        }

        var fields = new FieldReader(node, errors, "'retry'", ["attempts", "backoff", "max_delay", "unknown"]);
        return new RetrySpec(
            fields.Integer("attempts", 3, 1, WorkflowLimits.Attempts),
            fields.Duration("backoff", TimeSpan.FromHours(1)) ?? RetrySpec.Once.Backoff,
            fields.Duration("max_delay", TimeSpan.FromDays(1)) ?? RetrySpec.Once.MaxDelay,
            fields.Boolean("unknown"));
    }
}
