using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>
/// JSON Schema 2020-12, the subset of <see cref="SchemaKeywords"/>, to grammar. Whatever it cannot enforce it refuses by pointer and keyword;
/// it never drops a keyword. Answers are compact JSON with properties in the schema's order. What no value can satisfy leads nowhere and is never entered.
/// </summary>
internal sealed class SchemaCompiler
{
    private readonly SchemaContext _context;
    private readonly JsonElement _root;
    private readonly SchemaFlattener _flattener;
    private readonly Dictionary<string, int> _rules = new(StringComparer.Ordinal);
    private readonly SchemaMatch _match;

    private SchemaCompiler(SchemaContext context, JsonElement root)
    {
        _context = context;
        _root = root;
        _flattener = new SchemaFlattener(context, root);
        _match = new SchemaMatch(root);
    }

    /// <summary>Adds a whole schema to the context's grammar; an error is left in the context.</summary>
    /// <returns>The state that enters the value.</returns>
    public static int Compile(SchemaContext context, JsonElement root, int next) => new SchemaCompiler(context, root).Value([new SchemaPart(root, "#")], next);

    private GrammarBuilder Builder => _context.Builder;

    /// <summary>The state that enters a value of all these schemas at once.</summary>
    internal int Value(IEnumerable<SchemaPart> parts, int next)
    {
        var facts = new SchemaFacts();
        foreach (var part in parts)
        {
            _flattener.Add(facts, part);
        }

        return Value(facts, next);
    }

    /// <summary>Adds a schema to facts that are not those of a value of the answer.</summary>
    internal void Flatten(SchemaFacts facts, SchemaPart part) => _flattener.Add(facts, part);

    /// <summary>A rule of its own, entered by calls: items of arrays, values of maps.</summary>
    internal int Rule(IEnumerable<SchemaPart> parts) => Value(parts, Builder.Return);

    private int Value(SchemaFacts facts, int next)
    {
        if (!_context.Error.IsNone || facts.IsImpossible)
        {
            return Builder.Dead;
        }

        if (!facts.FollowedReference)
        {
            return Inside(facts, next);
        }

        if (!_rules.TryGetValue(facts.Key, out var rule))
        {
            rule = Builder.Plain();
            _rules.Add(facts.Key, rule);
            facts.FollowedReference = false;
            Builder.Jump(rule, Inside(facts, Builder.Return));
        }

        return Builder.Call(rule, next);
    }

    private int Inside(SchemaFacts facts, int next)
    {
        _context.Enter(facts.Parts.Count > 0 ? facts.Parts[0].Pointer : facts.Unions.Count > 0 ? facts.Unions[0].Owner.Pointer : _context.Pointer);
        var state = _context.Depth > ConstraintLimits.SchemaNestingMax
            ? _context.Refuse($"nested deeper than {ConstraintLimits.SchemaNestingMax}; move the inner part to $defs and refer to it.")
            : facts.Has("enum") || facts.Has("const") ? Enumeration(facts, next)
            : facts.Unions.Count > 0 ? Branches(facts, next) : Typed(facts, next);
        _context.Leave();
        return state;
    }

    private int Typed(SchemaFacts facts, int next)
    {
        if (facts.Parts.Count == 0)
        {
            return _context.Values.AnyValue(next);
        }

        var types = SchemaTypesReader.Of(_context, facts);
        var entries = new List<int>();
        Add(SchemaTypes.Object, () => new ObjectSchemas(_context, this, facts).Add(next));
        Add(SchemaTypes.Array, () => new ArraySchemas(_context, this, facts).Add(next));
        Add(SchemaTypes.String, () => StringSchemas.Add(_context, facts, next));
        Add(SchemaTypes.Number, () => NumberSchemas.Add(_context, facts, false, next));
        if (!types.HasFlag(SchemaTypes.Number))
        {
            Add(SchemaTypes.Integer, () => NumberSchemas.Add(_context, facts, true, next));
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

    /// <summary><c>enum</c> or <c>const</c>: those values that satisfy all the rest, written compactly.</summary>
    private int Enumeration(SchemaFacts facts, int next)
    {
        List<JsonElement>? values = null;
        foreach (var (_, constant) in facts.All("const"))
        {
            values ??= [constant];
        }

        foreach (var (part, list) in facts.All("enum"))
        {
            if (list.ValueKind != JsonValueKind.Array)
            {
                return _context.Refuse("'enum' must be a list of values.");
            }

            values ??= [.. list.EnumerateArray()];
        }

        var texts = values!.FindAll(value => _match.IsValid(facts, value)).ConvertAll(JsonLiterals.Of);
        return texts.Count > 0 ? Builder.Literals(texts, next)
            : facts.Parts.Count == 1 && facts.Unions.Count == 0 ? _context.Refuse("'enum' holds no value of the given type; no answer would be valid.") : Builder.Dead;
    }

    private int Branches(SchemaFacts facts, int next)
    {
        var union = facts.Unions[0];
        if (union.Keyword == "oneOf" && !SchemaDisjoint.AllDisjoint(_root, union.Branches))
        {
            _context.Enter(union.Owner.Pointer);
            _ = _context.Refuse("'oneOf' is enforced where no value can match two branches: different types, different constants, or objects told apart by a "
                + "required property with different constants or that the others do not have. Use 'anyOf' if a value may match several.");
            _context.Leave();
        }

        var entry = Builder.Plain();
        var index = 0;
        foreach (var branch in union.Branches.EnumerateArray())
        {
            if (++_context.Branches > ConstraintLimits.BranchesMax)
            {
                return _context.Refuse($"unions beside one another have more than {ConstraintLimits.BranchesMax} alternatives together; write out those that are meant.");
            }

            var chosen = facts.Copy();
            chosen.Unions.RemoveAt(0);
            _flattener.Add(chosen, union.Owner.Below(union.Keyword, index++, branch));
            Builder.Jump(entry, Value(chosen, next));
        }

        return entry;
    }
}
