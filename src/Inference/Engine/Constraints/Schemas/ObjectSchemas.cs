using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>
/// Objects. With listed properties the answer holds those only, in the schema's order, optional ones or not (valid whatever
/// additionalProperties says); without, it is a map with keys of the model's choice.
/// </summary>
internal sealed class ObjectSchemas
{
    private readonly SchemaContext _context;
    private readonly SchemaCompiler _compiler;

    public ObjectSchemas(SchemaContext context, SchemaCompiler compiler)
    {
        _context = context;
        _compiler = compiler;
    }

    public int Add(JsonElement schema, int next)
    {
        if (!schema.TryGetProperty("properties", out var properties))
        {
            return Map(schema, next);
        }

        if (properties.ValueKind != JsonValueKind.Object)
        {
            return _context.Refuse("'properties' must be an object of schemas.");
        }

        if (schema.TryGetProperty("maxProperties", out _))
        {
            return _context.Refuse("'maxProperties' is enforced only for objects without 'properties'; remove it.");
        }

        var list = properties.EnumerateObject().ToList();
        if (list.Count > ConstraintLimits.PropertiesMax)
        {
            return _context.Refuse($"{list.Count} properties are more than the {ConstraintLimits.PropertiesMax} that one object may have; nest some of them.");
        }

        return TryReadRequired(schema, list, out var required) ? Listed(list, required, next) : _context.Builder.Dead;
    }

    private int Listed(List<JsonProperty> properties, HashSet<string> required, int next)
    {
        var builder = _context.Builder;

        // Two ways through the rest of the properties: after an earlier one (a comma comes first) and as the first.
        var later = builder.Byte((byte)'}', next);
        var first = later;
        _context.Enter("properties");
        for (var i = properties.Count - 1; i >= 0; i--)
        {
            var property = properties[i];
            _context.Enter(property.Name);
            var value = _compiler.Value(property.Value, later);
            _context.Leave();
            var key = builder.Literal([.. JsonLiterals.OfString(System.Text.Encoding.UTF8.GetBytes(property.Name)), (byte)':'], value);
            var afterComma = builder.Byte((byte)',', key);
            (later, first) = required.Contains(property.Name)
                ? (afterComma, key)
                : (builder.AnyOf(afterComma, later), builder.AnyOf(key, first));
        }

        _context.Leave();
        return builder.Byte((byte)'{', first);
    }

    private int Map(JsonElement schema, int next)
    {
        if (schema.TryGetProperty("required", out var required) && (required.ValueKind != JsonValueKind.Array || required.GetArrayLength() > 0))
        {
            return _context.Refuse("'required' names properties that 'properties' does not list; list them.");
        }

        var max = _context.Count(schema, "maxProperties", ConstraintLimits.ItemsDefaultMax, ConstraintLimits.ItemsMax);
        if (!schema.TryGetProperty("additionalProperties", out var values) || values.ValueKind == JsonValueKind.True)
        {
            return _context.Values.Map(_context.Values.AnyValue(_context.Builder.Return), max, next);
        }

        if (values.ValueKind == JsonValueKind.False)
        {
            return _context.Builder.Literal("{}"u8, next);
        }

        _context.Enter("additionalProperties");
        var value = _compiler.Rule(values);
        _context.Leave();
        return _context.Values.Map(value, max, next);
    }

    private bool TryReadRequired(JsonElement schema, List<JsonProperty> properties, out HashSet<string> required)
    {
        required = new HashSet<string>(StringComparer.Ordinal);
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in properties)
        {
            if (!listed.Add(property.Name))
            {
                _context.Refuse($"property '{property.Name}' is listed twice.");
                return false;
            }
        }

        if (!schema.TryGetProperty("required", out var names))
        {
            return true;
        }

        foreach (var name in names.ValueKind == JsonValueKind.Array ? [.. names.EnumerateArray()] : new[] { names })
        {
            if (name.ValueKind != JsonValueKind.String || !listed.Contains(name.GetString()!))
            {
                _context.Refuse($"'required' names {name.GetRawText()}, which 'properties' does not list; list it.");
                return false;
            }

            required.Add(name.GetString()!);
        }

        return true;
    }
}
