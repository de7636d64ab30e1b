using System.Text.Json;
using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Router;

namespace Jesus.Appliance.Config.Sections;

/// <summary>A map of routes in which <c>default</c> is a name when it is a text, and <c>rules</c> are rules when it is a list.</summary>
internal sealed class RoutesShape(RecordShape<RouteOptions> route, ListShape<RouteRuleOptions> rules) : IShape<RoutesOptions>
{
    private const string DefaultKey = "default";
    private const string RulesKey = "rules";
    private readonly TextShape _name = new();

    public (string Name, IShape Shape)? Child(string name) =>
        name.Equals(DefaultKey, StringComparison.OrdinalIgnoreCase) ? (DefaultKey, _name)
        : name.Equals(RulesKey, StringComparison.OrdinalIgnoreCase) ? (RulesKey, rules) : (name, route);

    public RoutesOptions Read(ConfigNode node, RoutesOptions current, string path, List<ConfigError> errors)
    {
        if (node.Kind != ConfigNodeKind.Object)
        {
            errors.Add(new ConfigError(node.Place, path, $"must be an object, not {node.Describe()}"));
            return current;
        }

        var routes = new Dictionary<string, RouteOptions>(StringComparer.Ordinal);
        foreach (var member in node.Members)
        {
            if (member.Name == DefaultKey && member.Value.Kind == ConfigNodeKind.Text)
            {
                current = current with { Default = member.Value.Text };
            }
            else if (member.Name == RulesKey && member.Value.Kind == ConfigNodeKind.Array)
            {
                current = current with { Rules = rules.Read(member.Value, [], $"{path}.{RulesKey}", errors) };
            }
            else
            {
                routes[member.Name] = route.Read(member.Value, new RouteOptions(), $"{path}.{member.Name}", errors);
            }
        }

        return current with { Routes = routes };
    }

    public void WriteSchema(Utf8JsonWriter json, RoutesOptions standard)
    {
        json.WriteString("type"u8, "object"u8);
        json.WriteStartObject("properties"u8);
        json.WriteStartObject(DefaultKey);
        json.WriteString("description"u8, "Route or model for calls that name none; empty: the only local model, or the only route."u8);
        json.WriteString("type"u8, "string"u8);
        json.WriteEndObject();
        json.WriteStartObject(RulesKey);
        json.WriteString("description"u8, "Looked through in order before the name is: calls that meet all of a rule's conditions take its route."u8);
        rules.WriteSchema(json, []);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("additionalProperties"u8);
        route.WriteSchema(json, new RouteOptions());
        json.WriteEndObject();
    }

    public void Dump(ConfigDump dump, string path, RoutesOptions value, ConfigNode? given)
    {
        _name.Dump(dump, path + "." + DefaultKey, value.Default, given?.Find(DefaultKey));
        rules.Dump(dump, path + "." + RulesKey, value.Rules, given?.Find(RulesKey));
        foreach (var (name, options) in value.Routes)
        {
            route.Dump(dump, $"{path}.{name}", options, given?.Find(name));
        }
    }
}
