using System.Globalization;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Reads the fields of one mapping and reports the ones that do not belong there.</summary>
internal sealed class FieldReader
{
    private readonly YamlNode _node;
    private readonly ErrorList _errors;
    private readonly string _what;

    /// <param name="what">What the mapping is, for messages: <c>a prompt step</c>.</param>
    /// <param name="allowed">Every field it may have.</param>
    public FieldReader(YamlNode node, ErrorList errors, string what, IReadOnlyList<string> allowed)
    {
        (_node, _errors, _what) = (node, errors, what);
        if (node.Kind != YamlKind.Mapping)
        {
            errors.Add(node, $"{what} is a mapping of fields, not {node.KindName}", allowed);
            return;
        }

        foreach (var (key, _) in node.Members.Where(member => !allowed.Contains(member.Key.Text)))
        {
            errors.Add(key, $"{what} has no field '{key.Text}'{Nearest.Hint(key.Text, allowed)}", allowed);
        }
    }

    public YamlNode Node => _node;

    public YamlNode? Find(string name) => _node.Members.FirstOrDefault(member => member.Key.Text == name).Value;

    public YamlNode? Key(string name) => _node.Members.FirstOrDefault(member => member.Key.Text == name).Key;

    public YamlNode? Require(string name)
    {
        var found = Find(name);
        if (found is null && _node.Kind == YamlKind.Mapping)
        {
            _errors.Add(_node, $"{_what} needs the field '{name}'", name);
        }

        return found;
    }

    public string? Text(string name)
    {
        if (Find(name) is not { } node)
        {
            return null;
        }

        if (node.Kind == YamlKind.Scalar && !node.IsNull)
        {
            return node.Text;
        }

        _errors.Add(node, $"'{name}' is a text, not {(node.IsNull ? "nothing" : node.KindName)}");
        return null;
    }

    public int Integer(string name, int otherwise, int min, int max)
    {
        if (Find(name) is not { } node)
        {
            return otherwise;
        }

        if (node.Kind == YamlKind.Scalar && int.TryParse(node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }

        _errors.Add(node, $"'{name}' is a whole number from {min} to {max}", $"{min} to {max}");
        return otherwise;
    }

    public decimal Decimal(string name, decimal otherwise, decimal min, decimal max)
    {
        if (Find(name) is not { } node)
        {
            return otherwise;
        }

        if (node.Kind == YamlKind.Scalar && decimal.TryParse(node.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
        {
            return value;
        }

        _errors.Add(node, $"'{name}' is a number from {min} to {max}", $"{min} to {max}");
        return otherwise;
    }

    public bool Boolean(string name)
    {
        if (Find(name) is not { } node)
        {
            return false;
        }

        if (node.Kind != YamlKind.Scalar || node.Text is not ("true" or "false"))
        {
            _errors.Add(node, $"'{name}' is true or false", "true", "false");
        }

        return node.Text == "true";
    }

    public TimeSpan? Duration(string name, TimeSpan max)
    {
        if (Find(name) is not { } node)
        {
            return null;
        }

        if (node.Kind == YamlKind.Scalar && Durations.TryParse(node.Text, out var value) && value > TimeSpan.Zero && value <= max)
        {
            return value;
        }

        _errors.Add(node, $"'{name}' is a duration up to {Durations.Show(max)}", "500ms", "30s", "5m", "2h", "1d");
        return null;
    }
}
