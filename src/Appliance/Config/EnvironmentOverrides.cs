using System.Collections;
using Jesus.Appliance.Config.Shapes;

namespace Jesus.Appliance.Config;

/// <summary><c>JESUS__Section__Key=VALUE</c> replaces one value; case does not matter except in names that the operator chose.</summary>
internal static class EnvironmentOverrides
{
    public const string Prefix = "JESUS__";

    public static void Apply(ConfigNode root, IShape shape, IDictionary environment, List<ConfigError> errors)
    {
        var names = environment.Keys.Cast<string>().Where(k => k.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal);
        foreach (var name in names)
        {
            Set(root, shape, name[Prefix.Length..].Split("__"), (string?)environment[name] ?? "", new ConfigPlace(name), errors);
        }
    }

    /// <summary>Puts a value at a path, making the objects on the way.</summary>
    public static void Set(ConfigNode root, IShape shape, ReadOnlySpan<string> path, string text, ConfigPlace place, List<ConfigError> errors)
    {
        var node = root;
        for (var i = 0; i < path.Length; i++)
        {
            if (shape.Child(path[i]) is not { } child)
            {
                errors.Add(new ConfigError(place, string.Join('.', path[..(i + 1)]!), "names no configuration value; `jesus config dump` lists them"));
                return;
            }

            shape = child.Shape;
            if (i == path.Length - 1)
            {
                node.Set(child.Name, ValueOf(shape, text, place));
                return;
            }

            if (node.Find(child.Name) is not { Kind: ConfigNodeKind.Object } next)
            {
                next = new ConfigNode(ConfigNodeKind.Object, place);
                node.Set(child.Name, next);
            }

            node = next;
        }
    }

    private static ConfigNode ValueOf(IShape shape, string text, ConfigPlace place)
    {
        var scalar = shape is Scalar<string> or Scalar<long> or Scalar<double> or Scalar<bool> || !LooksLikeJson(text);
        return (scalar ? null : ConfigFile.ParseValue(text, place)) ?? new ConfigNode(ConfigNodeKind.Text, place) { Text = text, Loose = true };
    }

    private static bool LooksLikeJson(string text) => text.AsSpan().TrimStart() is ['{', ..] or ['[', ..];
}
