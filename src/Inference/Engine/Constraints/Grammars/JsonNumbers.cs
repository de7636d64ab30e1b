namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>JSON numbers (RFC 8259, section 6) without bounds: at most 15 digits, 12 after the point, an exponent of two digits.</summary>
internal static class JsonNumbers
{
    public static int AddNumber(GrammarBuilder builder, int next)
    {
        var exponent = builder.Plain();
        var exponentDigits = UpTo(builder, 1, 2, next);
        builder.Jump(exponent, next);
        var sign = builder.Plain();
        builder.Edge(exponent, (byte)'e', (byte)'e', sign);
        builder.Edge(exponent, (byte)'E', (byte)'E', sign);
        builder.Jump(sign, exponentDigits);
        builder.Edge(sign, (byte)'-', (byte)'-', exponentDigits);
        builder.Edge(sign, (byte)'+', (byte)'+', exponentDigits);
        var fraction = UpTo(builder, 1, ConstraintLimits.FractionDigitsMax, exponent);
        var point = builder.Byte((byte)'.', fraction);
        return AddInteger(builder, builder.AnyOf(exponent, point));
    }

    public static int AddInteger(GrammarBuilder builder, int next)
    {
        var more = UpTo(builder, 0, ConstraintLimits.IntegerDigitsMax - 1, next);
        var digits = builder.Plain();
        builder.Edge(digits, (byte)'0', (byte)'0', next);
        builder.Edge(digits, (byte)'1', (byte)'9', more);
        return builder.AnyOf(digits, builder.Byte((byte)'-', digits));
    }

    /// <summary>Between <paramref name="min"/> and <paramref name="max"/> digits.</summary>
    private static int UpTo(GrammarBuilder builder, int min, int max, int next)
    {
        var after = next;
        for (var taken = max - 1; taken >= 0; taken--)
        {
            var state = builder.Plain();
            builder.Edge(state, (byte)'0', (byte)'9', after);
            if (taken >= min)
            {
                builder.Jump(state, next);
            }

            after = state;
        }

        return after;
    }
}
