using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>A value that may be left out, and is null then.</summary>
/// <param name="inner">The value where it is given.</param>
/// <param name="standard">From which it is read.</param>
/// <param name="get">Whether there is one, and which.</param>
/// <param name="make">The value with the possibility of none.</param>
internal sealed class MaybeShape<T, TInner>(IShape<TInner> inner, TInner standard, Func<T, (bool Given, TInner Value)> get, Func<TInner, T> make) : IShape<T>
{
    public (string Name, IShape Shape)? Child(string name) => inner.Child(name);

    public T Read(ConfigNode node, T current, string path, List<ConfigError> errors) => make(inner.Read(node, standard, path, errors));

    public void WriteSchema(Utf8JsonWriter json, T value) => inner.WriteSchema(json, standard);

    public void Dump(ConfigDump dump, string path, T value, ConfigNode? given)
    {
        var (isGiven, known) = get(value);
        if (isGiven)
        {
            inner.Dump(dump, path, known, given);
        }
        else
        {
            dump.Add(path, "null", given);
        }
    }
}

/// <summary>The usual values that may be left out.</summary>
internal static class Maybe
{
    public static MaybeShape<int?, long> Integer(long min, long max) =>
        new(new IntegerShape(min, max) { Optional = true }, min, v => (v.HasValue, v ?? 0), v => (int)v);

    public static MaybeShape<decimal?, decimal> Money() => new(new MoneyShape { Optional = true }, 0, v => (v.HasValue, v ?? 0), v => v);

    public static MaybeShape<T?, T> Of<T>(IShape<T> inner, T standard)
        where T : class => new(inner, standard, v => (v is not null, v ?? standard), v => v);
}
