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

    /// <summary>Goes on at a place of the schema, a JSON pointer.</summary>
    public void Enter(string pointer) => _path.Add(pointer);

    public void Leave() => _path.RemoveAt(_path.Count - 1);

    /// <summary>The place as a JSON pointer; <c>#</c> for the root.</summary>
    public string Pointer => _path.Count == 0 ? "#" : _path[^1];

    /// <summary>Notes why the schema cannot be enforced (the first reason is kept) and answers with a state that leads nowhere.</summary>
    public int Refuse(string what, ErrorCause cause = ErrorCause.UnsupportedField)
    {
        if (Error.IsNone)
        {
            Error = new ModelError(cause, $"JSON schema at {Pointer}: {what}", _param);
        }

        return Builder.Dead;
    }

    /// <summary>Alternatives compiled so far: unions beside one another multiply.</summary>
    public int Branches { get; set; }

    /// <summary>The largest of a keyword's whole numbers, or the default where there is none. Refuses anything else.</summary>
    public int Most(SchemaFacts facts, string keyword, int fallback, int max)
    {
        var most = -1;
        foreach (var (part, value) in facts.All(keyword))
        {
            most = Math.Max(most, Count(part, value, keyword, max));
        }

        return most < 0 ? fallback : most;
    }

    /// <summary>The least of a keyword's whole numbers, or the default where there is none.</summary>
    public int Least(SchemaFacts facts, string keyword, int fallback, int max)
    {
        var least = int.MaxValue;
        foreach (var (part, value) in facts.All(keyword))
        {
            least = Math.Min(least, Count(part, value, keyword, max));
        }

        return least == int.MaxValue ? fallback : least;
    }

    private int Count(SchemaPart part, JsonElement value, string keyword, int max)
    {
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && number >= 0 && number <= max && number == decimal.Truncate(number))
        {
            return (int)number;
        }

        Enter(part.Pointer);
        Refuse($"'{keyword}' must be a whole number from 0 to {max}.");
        Leave();
        return 0;
    }
}
