using System.Globalization;

namespace Jesus.Appliance.Tools;

/// <summary>
/// Arithmetic over decimals: <c>+ - * / %</c>, <c>^</c> or <c>**</c> (right to left), brackets;
/// functions <c>sqrt abs round floor ceil min max ln log10 exp</c>; constants <c>pi</c>, <c>e</c>. Pure.
/// </summary>
public static class Calculator
{
    /// <summary>Characters of an expression; longer ones are no sum that somebody wrote.</summary>
    private const int LengthMax = 1_000;

    private static readonly string[] FunctionNames = ["sqrt", "abs", "round", "floor", "ceil", "min", "max", "ln", "log10", "exp"];

    public static bool TryCalculate(string expression, out decimal value, out string error)
    {
        try
        {
            if (expression.Length > LengthMax)
            {
                throw new CalculationException($"the expression has more than {LengthMax} characters");
            }

            var reader = new Reader(expression);
            value = reader.All();
            error = "";
            return true;
        }
        catch (CalculationException e)
        {
            error = e.Message;
        }
        catch (OverflowException)
        {
            error = "the result is larger than 28 digits hold";
        }
        catch (DivideByZeroException)
        {
            error = "division by zero";
        }

        value = 0;
        return false;
    }

    private sealed class CalculationException(string message) : Exception(message);

    private ref struct Reader(string text)
    {
        /// <summary>Brackets in each other: the reader recurses.</summary>
        private const int DepthMax = 64;

        private int _at;
        private int _depth;

        public decimal All()
        {
            var value = Sum();
            return Peek() == '\0' ? value : throw Unexpected();
        }

        private decimal Sum()
        {
            var value = Product();
            while (Peek() is '+' or '-')
            {
                value = text[_at++] == '+' ? value + Product() : value - Product();
            }

            return value;
        }

        private decimal Product()
        {
            var value = Signed();
            while (Peek() is '*' or '/' or '%' or '×' or '÷')
            {
                value = text[_at++] switch
                {
                    '*' or '×' => value * Signed(),
                    '%' => value % Signed(),
                    _ => value / Signed(),
                };
            }

            return value;
        }

        private decimal Signed()
        {
            if (++_depth > DepthMax)
            {
                throw new CalculationException($"brackets and signs nest deeper than {DepthMax}");
            }

            var c = Peek();
            if (c is '+' or '-' or '−')
            {
                _at++;
                var operand = Signed();
                _depth--;
                return c == '+' ? operand : -operand;
            }

            var value = Power();
            _depth--;
            return value;
        }

        private decimal Power()
        {
            var value = Value();
            var doubled = Peek() == '*' && _at + 1 < text.Length && text[_at + 1] == '*';
            if (Peek() != '^' && !doubled)
            {
                return value;
            }

            _at += doubled ? 2 : 1;
            return Raise(value, Signed());
        }

        private static decimal Raise(decimal value, decimal exponent)
        {
            if (exponent != decimal.Truncate(exponent) || Math.Abs(exponent) > 1_000)
            {
                return FromDouble(Math.Pow((double)value, (double)exponent));
            }

            var result = 1m;
            for (var i = 0; i < Math.Abs((int)exponent); i++)
            {
                result *= value;
            }

            return exponent < 0 ? 1 / result : result;
        }

        private decimal Value()
        {
            var c = Peek();
            if (c == '(')
            {
                _at++;
                var value = Sum();
                Close();
                return value;
            }

            return char.IsAsciiDigit(c) || c == '.' ? Number() : char.IsAsciiLetter(c) ? Named() : throw Unexpected();
        }

        private decimal Number()
        {
            var from = _at;
            while (_at < text.Length && (char.IsAsciiDigit(text[_at]) || text[_at] is '.' or '_'))
            {
                _at++;
            }

            // 1,000 is a thousand only where three digits follow; max(1,000) is not written by anybody.
            while (_at + 3 < text.Length && text[_at] == ',' && _depth <= 1 && text.AsSpan(_at + 1, 3).IndexOfAnyExceptInRange('0', '9') < 0
                && (_at + 4 == text.Length || !char.IsAsciiDigit(text[_at + 4])))
            {
                _at += 4;
            }

            var digits = text[from.._at].Replace("_", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal);
            return decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new CalculationException($"'{digits}' is no number of at most 28 digits");
        }

        private decimal Named()
        {
            var from = _at;
            while (_at < text.Length && char.IsAsciiLetterOrDigit(text[_at]))
            {
                _at++;
            }

            var name = text[from.._at];
            return name switch
            {
                "pi" => 3.1415926535897932384626433833m,
                "e" => 2.7182818284590452353602874714m,
                _ when FunctionNames.Contains(name) => Apply(name, Arguments(name)),
                _ => throw new CalculationException($"'{name}' is unknown; there are {string.Join(", ", FunctionNames)}, pi and e"),
            };
        }

        private List<decimal> Arguments(string name)
        {
            if (Peek() != '(')
            {
                throw new CalculationException($"'(' is missing after {name}");
            }

            var values = new List<decimal>();
            _depth += 2;
            do
            {
                _at++;
                values.Add(Sum());
            }
            while (Peek() == ',');
            _depth -= 2;
            Close();
            return values;
        }

        private static decimal Apply(string name, List<decimal> values)
        {
            if (values.Count != 1 && name is not ("min" or "max" or "round"))
            {
                throw new CalculationException($"{name} takes one value, not {values.Count}");
            }

            var x = values[0];
            return name switch
            {
                "sqrt" => x < 0 ? throw new CalculationException("there is no square root of a negative number") : FromDouble(Math.Sqrt((double)x)),
                "abs" => Math.Abs(x),
                "round" => Math.Round(x, values.Count > 1 ? Math.Clamp((int)values[1], 0, 28) : 0, MidpointRounding.AwayFromZero),
                "floor" => Math.Floor(x),
                "ceil" => Math.Ceiling(x),
                "min" => values.Min(),
                "max" => values.Max(),
                "exp" => FromDouble(Math.Exp((double)x)),
                "ln" => Logarithm(x, Math.Log((double)x)),
                _ => Logarithm(x, Math.Log10((double)x)),
            };
        }

        private static decimal Logarithm(decimal x, double result) => x <= 0 ? throw new CalculationException("only a positive number has a logarithm") : FromDouble(result);

        private static decimal FromDouble(double value) => double.IsFinite(value) ? (decimal)value : throw new OverflowException();

        private void Close()
        {
            if (Peek() != ')')
            {
                throw new CalculationException($"')' is missing at character {_at + 1}");
            }

            _at++;
        }

        private char Peek()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            {
                _at++;
            }

            return _at < text.Length ? text[_at] : '\0';
        }

        private readonly CalculationException Unexpected() => _at >= text.Length
            ? new CalculationException("the expression ends where a value is expected")
            : new CalculationException($"'{text[_at]}' at character {_at + 1} is not expected");
    }
}
