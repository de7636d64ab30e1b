using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>What one compilation shares: the grammar under construction, the place in the schema, the first error.</summary>
internal sealed class SchemaContext
{
    private readonly List<string> _path = [];
    private readonly string _param;

    /// <param name="builder">Receives the states.</param>
    /// <param name="param">The request field that holds the schema, for errors.</param>
    public SchemaContext(GrammarBuilder builder, string param)
    {
        Builder = builder;
        Values = new JsonValues(builder);
        _param = param;
    }

    public GrammarBuilder Builder { get; }
    public JsonValues Values { get; }

    /// <summary>The first refusal; none while all went well.</summary>
    public ModelError Error { get; private set; }

    public int Depth => _path.Count;

    public void Enter(string token) => _path.Add(token.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));

    public void Leave() => _path.RemoveAt(_path.Count - 1);

    /// <summary>The place as a JSON pointer; <c>#</c> for the root.</summary>
    public string Pointer => _path.Count == 0 ? "#" : "#/" + string.Join('/', _path);

    /// <summary>Notes why the schema cannot be enforced (the first reason is kept) and answers with a state that leads nowhere.</summary>
    public int Refuse(string what, ErrorCause cause = ErrorCause.UnsupportedField)
    {
        if (Error.IsNone)
        {
            Error = new ModelError(cause, $"JSON schema at {Pointer}: {what}", _param);
        }

        return Builder.Dead;
    }

    /// <summary>A whole number of a keyword, or the default where it is absent. Refuses anything else.</summary>
    public int Count(JsonElement schema, string keyword, int fallback, int max)
    {
        if (!schema.TryGetProperty(keyword, out var value))
        {
            return fallback;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && number >= 0 && number <= max && number == decimal.Truncate(number))
        {
            return (int)number;
        }

        Refuse($"'{keyword}' must be a whole number from 0 to {max}.");
        return fallback;
    }
}
