using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>
/// JSON Schema 2020-12, the subset of <see cref="SchemaKeywords"/>, to grammar. Whatever it cannot enforce it refuses by pointer and keyword;
/// it never drops a keyword. Answers are compact JSON with properties in the schema's order.
/// </summary>
internal sealed class SchemaCompiler
{
    private readonly SchemaContext _context;
    private readonly JsonElement _root;
    private readonly Dictionary<string, int> _rules = new(StringComparer.Ordinal);

    private SchemaCompiler(SchemaContext context, JsonElement root)
    {
        _context = context;
        _root = root;
    }

    /// <summary>Adds a whole schema to the context's grammar; an error is left in the context.</summary>
    /// <returns>The state that enters the value.</returns>
    public static int Compile(SchemaContext context, JsonElement root, int next) => new SchemaCompiler(context, root).Value(root, next);

    private GrammarBuilder Builder => _context.Builder;

    /// <summary>The state that enters a value of this schema.</summary>
    internal int Value(JsonElement schema, int next)
    {
        if (!_context.Error.IsNone)
        {
            return Builder.Dead;
        }

        if (_context.Depth > ConstraintLimits.SchemaNestingMax)
        {
            return _context.Refuse($"nested deeper than {ConstraintLimits.SchemaNestingMax}; move the inner part to $defs and refer to it.");
        }

        return schema.ValueKind switch
        {
            JsonValueKind.True => _context.Values.AnyValue(next),
            JsonValueKind.Object => CheckedObject(schema, next),
            JsonValueKind.False => _context.Refuse("'false' admits no value; leave the property out."),
            _ => _context.Refuse("a schema must be an object or true."),
        };
    }

    /// <summary>A rule of its own, entered by calls: items of arrays, targets of $ref.</summary>
    internal int Rule(JsonElement schema) => Value(schema, Builder.Return);

    private int CheckedObject(JsonElement schema, int next)
    {
        if (!SchemaTypesReader.TryRead(_context, schema, out var types))
        {
            return Builder.Dead;
        }

        if (schema.TryGetProperty("$ref", out var reference))
        {
            return Reference(reference, next);
        }

        if (schema.TryGetProperty("anyOf", out var branches) || schema.TryGetProperty("oneOf", out branches))
        {
            return Branches(schema, branches, next);
        }

        if (schema.TryGetProperty("enum", out _) || schema.TryGetProperty("const", out _))
        {
            return ScalarSchemas.Enumeration(_context, schema, types, next);
        }

        return Typed(schema, types, next);
    }

    private int Typed(JsonElement schema, SchemaTypes types, int next)
    {
        if (types == SchemaTypes.Any && SchemaTypesReader.IsBare(schema))
        {
            return _context.Values.AnyValue(next);
        }

        var entries = new List<int>();
        Add(SchemaTypes.Object, () => new ObjectSchemas(_context, this).Add(schema, next));
        Add(SchemaTypes.Array, () => Array(schema, next));
        Add(SchemaTypes.String, () => ScalarSchemas.String(_context, schema, next));
        Add(SchemaTypes.Number, () => ScalarSchemas.Number(_context, schema, false, next));
        if (!types.HasFlag(SchemaTypes.Number))
        {
            Add(SchemaTypes.Integer, () => ScalarSchemas.Number(_context, schema, true, next));
        }

        Add(SchemaTypes.Boolean, () => Builder.Literals([.. new[] { "true"u8.ToArray(), "false"u8.ToArray() }], next));
        Add(SchemaTypes.Null, () => Builder.Literal("null"u8, next));
        return entries.Count == 1 ? entries[0] : Builder.AnyOf([.. entries]);

        void Add(SchemaTypes type, Func<int> compile)
        {
            if (types.HasFlag(type))
            {
                entries.Add(compile());
            }
        }
    }

    private int Array(JsonElement schema, int next)
    {
        var min = _context.Count(schema, "minItems", 0, ConstraintLimits.ItemsMax);
        var max = _context.Count(schema, "maxItems", Math.Max(min, ConstraintLimits.ItemsDefaultMax), ConstraintLimits.ItemsMax);
        if (min > max)
        {
            return _context.Refuse("'minItems' is above 'maxItems'; no array has both.");
        }

        _context.Enter("items");
        var item = schema.TryGetProperty("items", out var items) ? Rule(items) : _context.Values.AnyValue(Builder.Return);
        _context.Leave();
        return _context.Values.Array(item, min, max, next);
    }

    private int Branches(JsonElement schema, JsonElement branches, int next)
    {
        var keyword = schema.TryGetProperty("anyOf", out _) ? "anyOf" : "oneOf";
        if (branches.ValueKind != JsonValueKind.Array || branches.GetArrayLength() == 0)
        {
            return _context.Refuse($"'{keyword}' must be a list of at least one schema.");
        }

        if (keyword == "oneOf" && !SchemaDisjoint.AllDisjoint(_root, branches))
        {
            return _context.Refuse("'oneOf' is enforced where no value can match two branches: different types, different constants, or objects told apart by a "
                + "required property with different constants. Use 'anyOf' if a value may match several.");
        }

        _context.Enter(keyword);
        var entry = Builder.Plain();
        var index = 0;
        foreach (var branch in branches.EnumerateArray())
        {
            _context.Enter(index++.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Builder.Jump(entry, Value(branch, next));
            _context.Leave();
        }

        _context.Leave();
        return entry;
    }

    private int Reference(JsonElement reference, int next)
    {
        var pointer = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : "";
        if (!SchemaPointer.TryResolve(_root, pointer, out var target))
        {
            return _context.Refuse($"'$ref' to '{pointer}' is not found in this schema; only local references such as #/$defs/name are followed.");
        }

        if (!_rules.TryGetValue(pointer, out var rule))
        {
            rule = Builder.Plain();
            _rules.Add(pointer, rule);
            _context.Enter("$ref");
            Builder.Jump(rule, Rule(target));
            _context.Leave();
        }

        return Builder.Call(rule, next);
    }
}
