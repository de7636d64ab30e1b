namespace Jesus;

/// <summary>
/// <c>Select</c> for the whole house, found before the framework's because it lies in a namespace that encloses ours. The framework's asks its own
/// sequences to project themselves, through a generic virtual method: compiled ahead of time, every sequence of a value type in the program is then compiled
/// with every result type in the program, 72,000 methods and a quarter of the daemon's file. A plain iterator is compiled for the pairs that are used.
/// </summary>
public static class Projection
{
    /// <summary>Lazily, in order, as the framework's.</summary>
    public static IEnumerable<TResult> Select<TSource, TResult>(this IEnumerable<TSource> source, Func<TSource, TResult> selector)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(selector);
        return Each(source, selector);
    }

    /// <summary>The same with each element's place, from 0.</summary>
    public static IEnumerable<TResult> Select<TSource, TResult>(this IEnumerable<TSource> source, Func<TSource, int, TResult> selector)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(selector);
        return Each(source, selector);
    }

    private static IEnumerable<TResult> Each<TSource, TResult>(IEnumerable<TSource> source, Func<TSource, TResult> selector)
    {
        foreach (var item in source)
        {
            yield return selector(item);
        }
    }

    private static IEnumerable<TResult> Each<TSource, TResult>(IEnumerable<TSource> source, Func<TSource, int, TResult> selector)
    {
        var index = 0;
        foreach (var item in source)
        {
            yield return selector(item, index++);
        }
    }
}
