using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>What a borrower says of one account: both figures only ever grow.</summary>
/// <param name="Wanted">As much as it would like to have been lent in all.</param>
/// <param name="Returned">As much as it has given back in all.</param>
public readonly record struct LoanAsk(Amount Wanted, Amount Returned)
{
    private const string Name = "LoanAsk";
    private const int Members = 4;

    internal static bool TryRead(ReadOnlySpan<byte> body, out LoanAsk ask)
    {
        var reader = new WireReader(body);
        Span<long> figures = stackalloc long[Members];
        LoanFigures.Read(ref reader, Name, figures);
        ask = new LoanAsk(new Amount(figures[0], figures[1]), new Amount(figures[2], figures[3]));
        return reader.Finish(Name, out _) && LoanFigures.AreSane(figures);
    }

    internal byte[] Encode() => LoanFigures.Encode([Wanted.MicroUsd, Wanted.Tokens, Returned.MicroUsd, Returned.Tokens]);
}

/// <summary>What an owner says of one account: the figure only ever grows.</summary>
/// <param name="Lent">As much as it has lent in all.</param>
public readonly record struct LoanGrant(Amount Lent)
{
    private const string Name = "LoanGrant";
    private const int Members = 2;

    internal static bool TryRead(ReadOnlySpan<byte> body, out LoanGrant grant)
    {
        var reader = new WireReader(body);
        Span<long> figures = stackalloc long[Members];
        LoanFigures.Read(ref reader, Name, figures);
        grant = new LoanGrant(new Amount(figures[0], figures[1]));
        return reader.Finish(Name, out _) && LoanFigures.AreSane(figures);
    }

    internal byte[] Encode() => LoanFigures.Encode([Lent.MicroUsd, Lent.Tokens]);
}

/// <summary>Bodies of loans: version-tolerant objects of numbers.</summary>
internal static class LoanFigures
{
    public static void Read(scoped ref WireReader reader, string name, scoped Span<long> figures)
    {
        if (!reader.BeginTolerantValue(name, out var scope))
        {
            return;
        }

        foreach (ref var figure in figures)
        {
            figure = reader.Next(ref scope) ? reader.ReadLong(name) : 0;
        }

        reader.EndTolerant(ref scope);
    }

    /// <summary>Sums of what was lent stay far from overflow; anything else is not ours.</summary>
    public static bool AreSane(ReadOnlySpan<long> figures) => !figures.ContainsAnyExceptInRange(0, Amount.Unlimited - 1);

    public static byte[] Encode(ReadOnlySpan<long> figures)
    {
        // 1 for the count; 1 and at most 9 of each.
        Span<byte> bytes = stackalloc byte[64];
        var writer = new WireWriter(bytes);
        var scope = writer.BeginTolerant(figures.Length);
        foreach (var figure in figures)
        {
            writer.Member(ref scope, figure);
        }

        writer.EndTolerant(ref scope);
        return writer.Written.ToArray();
    }
}
