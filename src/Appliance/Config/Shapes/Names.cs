using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>A value of an enumeration by its name in the file.</summary>
internal sealed class Names<T>(params (string Name, T Value)[] names) : Scalar<T>
    where T : struct
{
    protected override string Wanted => "one of " + string.Join(", ", names.Select(n => n.Name));

    public override void WriteSchema(Utf8JsonWriter json, T standard)
    {
        json.WriteString("type"u8, "string"u8);
        json.WriteStartArray("enum"u8);
        foreach (var (name, _) in names)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        if (Array.Exists(names, n => EqualityComparer<T>.Default.Equals(n.Value, standard)))
        {
            json.WriteString("default"u8, NameOf(standard));
        }
    }

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Text;

    protected override bool TryParse(string text, out T value)
    {
        foreach (var (name, candidate) in names)
        {
            if (name == text)
            {
                value = candidate;
                return true;
            }
        }

        value = default;
        return false;
    }

    protected override string Write(T value) => JsonText.Quote(NameOf(value));

    private string NameOf(T value) => names.First(n => EqualityComparer<T>.Default.Equals(n.Value, value)).Name;
}
