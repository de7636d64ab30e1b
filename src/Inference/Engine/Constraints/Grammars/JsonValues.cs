namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>Arrays, maps and any JSON value, written compactly.</summary>
internal sealed class JsonValues
{
    private readonly GrammarBuilder _builder;
    private int _anyValue = -1;
    private int _anyObject = -1;

    public JsonValues(GrammarBuilder builder) => _builder = builder;

    /// <summary>Any JSON value: a rule of its own, entered by a call, so that values may nest.</summary>
    public int AnyValue(int next)
    {
        DefineAny();
        return _builder.Call(_anyValue, next);
    }

    /// <summary>Any JSON object.</summary>
    public int AnyObject(int next)
    {
        DefineAny();
        return _builder.Call(_anyObject, next);
    }

    /// <summary><c>[item,item]</c>.</summary>
    /// <param name="item">A rule: it ends in <see cref="GrammarBuilder.Return"/>.</param>
    public int Array(int item, int min, int max, int next) => Sequence((byte)'[', item, min, max, (byte)']', next);

    /// <summary><c>{"key":value,"key":value}</c> with keys of the model's choice.</summary>
    /// <param name="value">A rule: it ends in <see cref="GrammarBuilder.Return"/>.</param>
    public int Map(int value, int max, int next) =>
        Map(JsonStrings.Add(_builder, 0, ConstraintLimits.StringDefaultMax, _builder.Byte((byte)':', value)), 0, max, next);

    /// <summary>An object of such pairs.</summary>
    /// <param name="pair">A rule of key, colon and value.</param>
    public int Map(int pair, int min, int max, int next) => Sequence((byte)'{', pair, min, max, (byte)'}', next);

    // What counts is entered through a state that does not, so that it begins at 0 whatever was counted before.

    /// <summary>What follows an item of an array: <c>,item,item]</c>, counted from here.</summary>
    public int Rest(int item, int min, int max, int next) => _builder.AnyOf(Tail(item, min, max, (byte)']', next).After);

    /// <summary>What follows a member of an object: <c>,pair,pair}</c>; and the same as the object's first.</summary>
    /// <param name="pair">A rule of key, colon and value.</param>
    public (int After, int First) Pairs(int pair, int max, int next)
    {
        var (after, again) = Tail(pair, 0, max, (byte)'}', next);
        return (_builder.AnyOf(after), _builder.AnyOf(_builder.Byte((byte)'}', next), again));
    }

    private (int After, int Again) Tail(int item, int min, int max, byte close, int next)
    {
        var after = _builder.CountedItems(min, max);
        var again = _builder.CountedCall(item, after, min, max);
        _builder.Edge(after, close, close, next, EdgeRule.NeedsMin);
        _builder.Edge(after, (byte)',', (byte)',', again, EdgeRule.NeedsRoom);
        return (after, again);
    }

    private int Sequence(byte open, int item, int min, int max, byte close, int next)
    {
        var (_, again) = Tail(item, min, max, close, next);
        var inside = _builder.CountedItems(min, max);
        if (min == 0)
        {
            _builder.Edge(inside, close, close, next);
        }

        if (max > 0)
        {
            _builder.Jump(inside, again);
        }

        return _builder.Byte(open, inside);
    }

    private void DefineAny()
    {
        if (_anyValue >= 0)
        {
            return;
        }

        _anyValue = _builder.Plain();
        _anyObject = Map(_anyValue, ConstraintLimits.ItemsDefaultMax, _builder.Return);
        var end = _builder.Return;
        _builder.Jump(_anyValue, JsonStrings.Add(_builder, 0, ConstraintLimits.StringDefaultMax, end));
        _builder.Jump(_anyValue, JsonNumbers.AddNumber(_builder, end));
        _builder.Jump(_anyValue, _builder.Literals([.. new[] { "true"u8.ToArray(), "false"u8.ToArray(), "null"u8.ToArray() }], end));
        _builder.Jump(_anyValue, Array(_anyValue, 0, ConstraintLimits.ItemsDefaultMax, end));
        _builder.Jump(_anyValue, _anyObject);
    }
}
