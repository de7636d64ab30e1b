using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Regexes;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Strings: any of a length, those of patterns and formats, spans of an input.</summary>
internal static class StringSchemas
{
    public static int Add(SchemaContext context, SchemaFacts facts, int next)
    {
        var min = context.Most(facts, "minLength", 0, ConstraintLimits.StringLengthMax);
        var isSpan = facts.Has("x-span-of");
        var fallback = isSpan ? int.MaxValue : Math.Max(min, ConstraintLimits.StringDefaultMax);
        var max = context.Least(facts, "maxLength", fallback, ConstraintLimits.StringLengthMax);
        if (min > max)
        {
            return facts.Parts.Count == 1 ? context.Refuse("'minLength' is above 'maxLength'; no string has both.") : context.Builder.Dead;
        }

        var isPlain = !facts.Has("pattern") && !facts.Has("format");
        if (isSpan)
        {
            return isPlain ? Span(context, facts, min, max, next) : context.Refuse("'x-span-of' cannot be combined with 'pattern' or 'format'; keep one of them.");
        }

        if (isPlain)
        {
            return JsonStrings.Add(context.Builder, min, max, next);
        }

        return Texts(context, facts) is { } texts ? context.Builder.Byte((byte)'"', DfaGrammar.AddString(context.Builder, texts, max, next)) : context.Builder.Dead;
    }

    /// <summary>The texts that patterns, formats and the least length allow; null, and refused, where they cannot be followed.</summary>
    public static Dfa? Texts(SchemaContext context, SchemaFacts facts)
    {
        Dfa? texts = DfaSets.AnyText;
        foreach (var (part, keyword) in facts.Parts.SelectMany(part => new[] { (part, "pattern"), (part, "format") }))
        {
            if (!part.Element.TryGetProperty(keyword, out var value))
            {
                continue;
            }

            if (Read(keyword, value, out var problem) is not { } own)
            {
                context.Enter(part.Pointer);
                context.Refuse(problem);
                context.Leave();
                return null;
            }

            texts = texts is null ? null : texts == DfaSets.AnyText ? own : DfaSets.Intersect(texts, own);
        }

        var min = context.Most(facts, "minLength", 0, ConstraintLimits.StringLengthMax);
        texts = texts is null ? null : DfaSets.WithLength(texts, min, int.MaxValue);
        if (texts is null)
        {
            context.Refuse($"its pattern, format and lengths need an automaton of more than {ConstraintLimits.AutomatonStatesMax} states together; simplify them.");
        }

        return texts;
    }

    /// <summary>The texts in which a pattern is found; compiled once while it is among the latest.</summary>
    public static Dfa? PatternOf(string pattern, out string problem) => PatternCache.Found(pattern, out problem);

    private static Dfa? Read(string keyword, JsonElement value, out string problem)
    {
        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : null;
        if (text is null)
        {
            problem = $"'{keyword}' must be a string.";
            return null;
        }

        if (keyword == "format")
        {
            problem = $"'format' \"{text}\" cannot be enforced; allowed are {StringFormats.Allowed}.";
            return StringFormats.Find(text);
        }

        var dfa = PatternOf(text, out var why);
        problem = $"the 'pattern' {why}.";
        return dfa;
    }

    private static int Span(SchemaContext context, SchemaFacts facts, int min, int max, int next)
    {
        var names = facts.All("x-span-of").Select(one => one.Value).ToList();
        if (names.Exists(name => name.ValueKind != JsonValueKind.String) || names.Select(name => name.GetString()).Distinct().Count() > 1)
        {
            return context.Refuse("'x-span-of' must be the name of one input, such as \"prompt\".");
        }

        return context.Builder.Byte((byte)'"', context.Builder.Span(names[0].GetString()!, next, min, max));
    }
}
