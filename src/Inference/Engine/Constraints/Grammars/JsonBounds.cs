using System.Globalization;

namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>A bound of a number: its value and whether the value itself is excluded.</summary>
internal readonly record struct Bound(decimal Value, bool Exclusive);

/// <summary>
/// Numbers between two bounds, digit by digit. A node knows whether the digits so far are those of the lower and of the upper bound;
/// ways that can no longer reach the end are dead and are pruned when the grammar's needs are filled.
/// </summary>
internal sealed class JsonBounds
{
    private readonly GrammarBuilder _builder;
    private readonly int _next;
    private readonly int _fractionMax;
    private readonly Dictionary<(int Taken, bool Low, bool High), int> _fractions = [];
    private readonly Dictionary<int, int> _anyDigits = [];
    private string _lowDigits = "";
    private string _highDigits = "";
    private string _lowFraction = "";
    private string _highFraction = "";
    private Bound _low;
    private Bound _high;

    private JsonBounds(GrammarBuilder builder, int next, int fractionMax)
    {
        _builder = builder;
        _next = next;
        _fractionMax = fractionMax;
    }

    /// <summary>The largest magnitude that the digits hold: 10^15, excluded.</summary>
    public static decimal Limit { get; } = 1_000_000_000_000_000m;

    /// <summary>Numbers from <paramref name="low"/> to <paramref name="high"/>; without a point when <paramref name="integers"/>.</summary>
    public static int Add(GrammarBuilder builder, Bound low, Bound high, bool integers, int next)
    {
        var fraction = integers ? 0 : ConstraintLimits.FractionDigitsMax;
        var entry = builder.Plain();
        if (high.Value >= 0)
        {
            var from = low.Value < 0 ? new Bound(0, false) : low;
            builder.Jump(entry, new JsonBounds(builder, next, fraction).Magnitudes(from, high));
        }

        if (low.Value < 0)
        {
            // Minus zero is no value of its own: the magnitude after a minus is above zero.
            var from = high.Value >= 0 ? new Bound(0, true) : new Bound(-high.Value, high.Exclusive);
            var magnitudes = new JsonBounds(builder, next, fraction).Magnitudes(from, new Bound(-low.Value, low.Exclusive));
            builder.Jump(entry, builder.Byte((byte)'-', magnitudes));
        }

        return entry;
    }

    private int Magnitudes(Bound low, Bound high)
    {
        (_low, _high) = (low, high);
        (_lowDigits, _lowFraction) = Split(low.Value);
        (_highDigits, _highFraction) = Split(high.Value);
        var entry = _builder.Plain();
        for (var length = _lowDigits.Length; length <= _highDigits.Length; length++)
        {
            var from = length == _lowDigits.Length ? _lowDigits : "1".PadRight(length, '0');
            var to = length == _highDigits.Length ? _highDigits : new string('9', length);
            _builder.Jump(entry, Integer(from, to, 0, true, true));
        }

        return entry;
    }

    private int Integer(string from, string to, int taken, bool atLow, bool atHigh)
    {
        if (taken == from.Length)
        {
            return Point(atLow && from == _lowDigits, atHigh && to == _highDigits);
        }

        if (!atLow && !atHigh)
        {
            return AnyDigits(from.Length - taken);
        }

        var state = _builder.Plain();
        var first = atLow ? from[taken] : '0';
        var last = atHigh ? to[taken] : '9';
        for (var digit = first; digit <= last; digit++)
        {
            var target = Integer(from, to, taken + 1, atLow && digit == first, atHigh && digit == last);
            _builder.Edge(state, (byte)digit, (byte)digit, target);
        }

        return state;
    }

    private int AnyDigits(int count)
    {
        if (count == 0)
        {
            return Point(false, false);
        }

        if (!_anyDigits.TryGetValue(count, out var state))
        {
            var next = AnyDigits(count - 1);
            state = _builder.Plain();
            _builder.Edge(state, (byte)'0', (byte)'9', next);
            _anyDigits.Add(count, state);
        }

        return state;
    }

    /// <summary>The integer part is complete: the number may end here or go on with a point.</summary>
    private int Point(bool atLow, bool atHigh)
    {
        var state = _builder.Plain();
        if (MayEnd(0, atLow, atHigh))
        {
            _builder.Jump(state, _next);
        }

        if (_fractionMax > 0)
        {
            _builder.Edge(state, (byte)'.', (byte)'.', Fraction(0, atLow, atHigh));
        }

        return state;
    }

    private int Fraction(int taken, bool atLow, bool atHigh)
    {
        if (_fractions.TryGetValue((taken, atLow, atHigh), out var known))
        {
            return known;
        }

        var state = _builder.Plain();
        if (taken > 0 && MayEnd(taken, atLow, atHigh))
        {
            _builder.Jump(state, _next);
        }

        if (taken < _fractionMax)
        {
            var first = atLow ? DigitAt(_lowFraction, taken) : '0';
            var last = atHigh ? DigitAt(_highFraction, taken) : '9';
            for (var digit = first; digit <= last; digit++)
            {
                _builder.Edge(state, (byte)digit, (byte)digit, Fraction(taken + 1, atLow && digit == first, atHigh && digit == last));
            }
        }

        _fractions.Add((taken, atLow, atHigh), state);
        return state;
    }

    private bool MayEnd(int taken, bool atLow, bool atHigh)
    {
        var lowReached = !atLow || (RestIsZero(_lowFraction, taken) && !_low.Exclusive);
        var highKept = !atHigh || !RestIsZero(_highFraction, taken) || !_high.Exclusive;
        return lowReached && highKept;
    }

    private static bool RestIsZero(string fraction, int taken) => fraction.Length <= taken;

    private static char DigitAt(string fraction, int index) => index < fraction.Length ? fraction[index] : '0';

    /// <summary>Digits before and after the point, the latter without closing zeros.</summary>
    private static (string Integer, string Fraction) Split(decimal value)
    {
        var text = value.ToString(CultureInfo.InvariantCulture);
        var point = text.IndexOf('.', StringComparison.Ordinal);
        return point < 0 ? (text, "") : (text[..point], text[(point + 1)..].TrimEnd('0'));
    }
}
