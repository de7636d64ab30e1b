using System.Text;
using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>
/// Objects. Listed properties come in the schema's order, optional ones or not. Others follow them only where <c>patternProperties</c> or a schema in
/// <c>additionalProperties</c> says what they are; an object without any listed is a map with keys of the model's choice.
/// </summary>
internal sealed class ObjectSchemas
{
    private readonly SchemaContext _context;
    private readonly SchemaCompiler _compiler;
    private readonly SchemaFacts _facts;
    private readonly List<string> _names = [];
    private readonly HashSet<string> _required = new(StringComparer.Ordinal);

    public ObjectSchemas(SchemaContext context, SchemaCompiler compiler, SchemaFacts facts) => (_context, _compiler, _facts) = (context, compiler, facts);

    private GrammarBuilder Builder => _context.Builder;

    public int Add(int next)
    {
        if (!TryReadNames() || !TryReadRequired() || !TryCheckPatterns())
        {
            return Builder.Dead;
        }

        var min = _context.Most(_facts, "minProperties", 0, ConstraintLimits.ItemsMax);
        var max = _context.Least(_facts, "maxProperties", int.MaxValue, ConstraintLimits.ItemsMax);
        if (_names.Count == 0)
        {
            return Map(min, max, next);
        }

        var isCounted = min > _required.Count || max < _names.Count;
        return isCounted ? Counted(min, max, next) : Listed(max == int.MaxValue ? ConstraintLimits.ItemsDefaultMax : max - _names.Count, next);
    }

    /// <summary>Listed names in the order in which they are first listed; each once in a schema.</summary>
    private bool TryReadNames()
    {
        foreach (var (_, properties) in _facts.All("properties"))
        {
            if (properties.ValueKind != JsonValueKind.Object)
            {
                _context.Refuse("'properties' must be an object of schemas.");
                return false;
            }

            var own = new HashSet<string>(StringComparer.Ordinal);
            foreach (var property in properties.EnumerateObject())
            {
                if (!own.Add(property.Name))
                {
                    _context.Refuse($"property '{property.Name}' is listed twice.");
                    return false;
                }

                AddName(property.Name);
            }
        }

        if (_names.Count > ConstraintLimits.PropertiesMax)
        {
            _context.Refuse($"{_names.Count} properties are more than the {ConstraintLimits.PropertiesMax} that one object may have; nest some of them.");
        }

        return _names.Count <= ConstraintLimits.PropertiesMax;
    }

    private void AddName(string name)
    {
        if (!_names.Contains(name))
        {
            _names.Add(name);
        }
    }

    /// <summary>A required name that no schema lists is listed at the end, if something says what it may be.</summary>
    private bool TryReadRequired()
    {
        foreach (var (_, names) in _facts.All("required"))
        {
            foreach (var name in names.ValueKind == JsonValueKind.Array ? [.. names.EnumerateArray()] : new[] { names })
            {
                if (name.ValueKind != JsonValueKind.String || (!_names.Contains(name.GetString()!) && !SaysWhatOthersAre()))
                {
                    _context.Refuse($"'required' names {name.GetRawText()}, which 'properties' does not list; list it.");
                    return false;
                }

                AddName(name.GetString()!);
                _required.Add(name.GetString()!);
            }
        }

        return true;
    }

    private bool SaysWhatOthersAre() => _facts.Has("patternProperties") || _facts.All("additionalProperties").Any(one => one.Value.ValueKind == JsonValueKind.Object);

    private bool TryCheckPatterns()
    {
        foreach (var (part, patterns) in _facts.All("patternProperties"))
        {
            if (patterns.ValueKind != JsonValueKind.Object)
            {
                _context.Refuse("'patternProperties' must be an object of schemas.");
                return false;
            }

            foreach (var pattern in patterns.EnumerateObject())
            {
                if (StringSchemas.PatternOf(pattern.Name, out var problem) is null)
                {
                    _context.Enter(part.Below("patternProperties", pattern.Name, pattern.Value).Pointer);
                    _context.Refuse($"the pattern '{pattern.Name}' {problem}.");
                    _context.Leave();
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>All that the schemas say of a property's value.</summary>
    private IEnumerable<SchemaPart> Of(string name)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        foreach (var part in _facts.Parts)
        {
            var isKnown = false;
            if (part.Element.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out var own))
            {
                isKnown = true;
                yield return part.Below("properties", name, own);
            }

            foreach (var pattern in Patterns(part))
            {
                if (StringSchemas.PatternOf(pattern.Name, out _)!.Matches(utf8))
                {
                    isKnown = true;
                    yield return part.Below("patternProperties", pattern.Name, pattern.Value);
                }
            }

            if (!isKnown && part.Element.TryGetProperty("additionalProperties", out var others))
            {
                yield return part.Below("additionalProperties", others);
            }
        }
    }

    private static List<JsonProperty> Patterns(SchemaPart part) =>
        part.Element.TryGetProperty("patternProperties", out var patterns) ? [.. patterns.EnumerateObject()] : [];

    private bool AllowsName(string name) => KeyRule() is not { } keys || keys.Matches(Encoding.UTF8.GetBytes(name));

    private int Key(string name, int value) => Builder.Literal([.. JsonLiterals.OfString(Encoding.UTF8.GetBytes(name)), (byte)':'], value);

    private int Listed(int othersMax, int next)
    {
        // Two ways through the rest of the properties: after an earlier one (a comma comes first) and as the first.
        var pair = othersMax > 0 ? OtherPair() : Builder.Dead;
        var (later, first) = pair == Builder.Dead ? (Builder.Byte((byte)'}', next), -1) : _context.Values.Pairs(pair, othersMax, next);
        first = first < 0 ? later : first;
        for (var i = _names.Count - 1; i >= 0; i--)
        {
            var name = _names[i];
            var key = AllowsName(name) ? Key(name, _compiler.Value(Of(name), later)) : Builder.Dead;
            var afterComma = Builder.Byte((byte)',', key);
            (later, first) = _required.Contains(name)
                ? (afterComma, key)
                : (Builder.AnyOf(afterComma, later), Builder.AnyOf(key, first));
        }

        return Builder.Byte((byte)'{', first);
    }

    /// <summary>As <see cref="Listed"/> without others, for each number of properties so far: values are rules, so that they are compiled once.</summary>
    private int Counted(int min, int max, int next)
    {
        if (min > _names.Count || max < _required.Count)
        {
            return _facts.Parts.Count == 1
                ? _context.Refuse($"'minProperties' or 'maxProperties' cannot be kept with {_names.Count} properties, {_required.Count} of them required.")
                : Builder.Dead;
        }

        max = Math.Min(max, _names.Count);
        if ((long)_names.Count * (max + 1) > ConstraintLimits.CountedPropertiesMax)
        {
            return _context.Refuse($"'minProperties' and 'maxProperties' are counted up to {ConstraintLimits.CountedPropertiesMax} properties times counts; "
                + "remove them or list fewer.");
        }

        var after = new int[max + 2];
        for (var count = 0; count <= max; count++)
        {
            after[count] = count >= min ? Builder.Byte((byte)'}', next) : Builder.Dead;
        }

        after[max + 1] = Builder.Dead;
        for (var i = _names.Count - 1; i >= 0; i--)
        {
            var name = _names[i];
            var rule = AllowsName(name) ? _compiler.Rule(Of(name)) : Builder.Dead;
            for (var count = 0; count <= max; count++)
            {
                var key = Key(name, Builder.Call(rule, after[count + 1]));
                key = count > 0 ? Builder.Byte((byte)',', key) : key;
                after[count] = _required.Contains(name) ? key : Builder.AnyOf(key, after[count]);
            }
        }

        return Builder.Byte((byte)'{', after[0]);
    }

    private int Map(int min, int max, int next)
    {
        if (min > 1)
        {
            return _context.Refuse("'minProperties' above 1 is enforced for listed properties alone, since a key of the model's choice may come twice; list them.");
        }

        max = Math.Min(max, ConstraintLimits.ItemsDefaultMax);
        if (SaysWhatOthersAre() || KeyRule() is not null)
        {
            var pair = OtherPair();
            return pair != Builder.Dead ? _context.Values.Map(pair, min, max, next) : min > 0 ? Builder.Dead : Builder.Literal("{}"u8, next);
        }

        if (_facts.All("additionalProperties").Any(one => one.Value.ValueKind == JsonValueKind.False))
        {
            return min > 0 ? Builder.Dead : Builder.Literal("{}"u8, next);
        }

        var any = JsonStrings.Add(Builder, 0, ConstraintLimits.StringDefaultMax, Builder.Byte((byte)':', _context.Values.AnyValue(Builder.Return)));
        return _context.Values.Map(any, min, max, next);
    }

    /// <summary>
    /// A rule of a key that is not listed and its value: for each pattern the keys that match it alone, and those that match none. Keys of several patterns, and
    /// others where several schemas speak of them, are never written, which no schema asks for.
    /// </summary>
    private int OtherPair()
    {
        var speaking = _facts.Parts.FindAll(part => part.Element.TryGetProperty("patternProperties", out _) || part.Element.TryGetProperty("additionalProperties", out _));
        if (_names.Count > 0 && !SaysWhatOthersAre())
        {
            return Builder.Dead;
        }

        if (speaking.Count > 1)
        {
            return Builder.Dead;
        }

        var part = speaking.Count == 1 ? speaking[0] : new SchemaPart(default, "#");
        var patterns = speaking.Count == 1 ? Patterns(part) : [];
        var rule = Builder.Plain();
        foreach (var pattern in patterns)
        {
            AddOthers(rule, pattern.Name, patterns, _compiler.Rule([part.Below("patternProperties", pattern.Name, pattern.Value)]));
        }

        if (speaking.Count == 0 || !part.Element.TryGetProperty("additionalProperties", out var others))
        {
            if (speaking.Count == 0)
            {
                AddOthers(rule, null, patterns, _context.Values.AnyValue(Builder.Return));
            }
        }
        else if (others.ValueKind != JsonValueKind.False && (others.ValueKind == JsonValueKind.Object || _names.Count == 0))
        {
            AddOthers(rule, null, patterns, _compiler.Rule([part.Below("additionalProperties", others)]));
        }

        return rule;
    }

    /// <summary>Keys that match this pattern, or none where there is none, and no other.</summary>
    private void AddOthers(int rule, string? own, List<JsonProperty> patterns, int value)
    {
        var keys = own is null ? DfaSets.AnyText : StringSchemas.PatternOf(own, out _);
        keys = KeyRule() is { } allowed && keys is not null ? DfaSets.Intersect(keys, allowed) : keys;
        foreach (var other in patterns)
        {
            keys = other.Name == own ? keys : Without(keys, StringSchemas.PatternOf(other.Name, out _));
        }

        keys = _names.Count == 0 ? keys : Without(keys, DfaSets.Literals(_names.Select(Encoding.UTF8.GetBytes)));
        if (keys is null)
        {
            _context.Refuse($"the patterns of keys need an automaton of more than {ConstraintLimits.AutomatonStatesMax} states together; simplify them.");
            return;
        }

        var inside = DfaGrammar.AddString(Builder, keys, ConstraintLimits.StringDefaultMax, Builder.Byte((byte)':', value));
        Builder.Jump(rule, Builder.Byte((byte)'"', inside));
    }

    private static Dfa? Without(Dfa? keys, Dfa? others) =>
        keys is null || others is null || DfaSets.Complement(others) is not { } rest ? null : DfaSets.Intersect(keys, rest);

    /// <summary>What <c>propertyNames</c> allows; null where it says nothing.</summary>
    private Dfa? KeyRule()
    {
        if (!_facts.Has("propertyNames"))
        {
            return null;
        }

        var facts = new SchemaFacts();
        foreach (var (part, names) in _facts.All("propertyNames"))
        {
            _compiler.Flatten(facts, part.Below("propertyNames", names));
        }

        if (facts.Unions.Count > 0 || facts.Has("enum") || facts.Has("const") || facts.Has("x-span-of"))
        {
            _context.Refuse("'propertyNames' is enforced by patterns, formats and lengths alone.");
        }

        var max = _context.Least(facts, "maxLength", int.MaxValue, ConstraintLimits.StringLengthMax);
        var keys = StringSchemas.Texts(_context, facts) is { } texts && !facts.IsImpossible ? DfaSets.WithLength(texts, 0, max) : DfaSets.Literals([]);
        if (keys is null)
        {
            _context.Refuse($"'propertyNames' needs an automaton of more than {ConstraintLimits.AutomatonStatesMax} states; simplify it.");
        }

        return keys;
    }
}
