using Jesus.Appliance.Budgets;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>How much is asked for, lent and given back. Pure. Money and tokens apart; what a cap does not bound is neither lent nor asked for.</summary>
internal static class LoanRules
{
    /// <summary>A borrower keeps so much of the cap at hand: a few calls, and what a crash or a partition strands at most.</summary>
    private const int AheadShare = 64;

    /// <summary>Below so much of a cap the owner no longer halves what it has left.</summary>
    private const int LeastShare = 256;

    /// <summary>A call that was refused is followed by others like it.</summary>
    private const int LackedTimes = 2;

    /// <summary>
    /// What the owner lends now. A wish that is more than half of what is left gets half, so that one borrower does not take all from the next; it asks again.
    /// </summary>
    /// <param name="wanted">Above what it was lent in all.</param>
    /// <param name="left">Of the cap: neither used, held nor lent.</param>
    public static Amount Give(Amount wanted, Amount left, Amount cap) =>
        new(Give(wanted.MicroUsd, left.MicroUsd, cap.MicroUsd), Give(wanted.Tokens, left.Tokens, cap.Tokens));

    /// <summary>What a borrower would like to have been lent in all.</summary>
    public static Amount Want(in BorrowedAccount account)
    {
        var (lent, free, cap, lacked) = (account.Block.Lent, account.Free, account.WholeCap, account.Lacked);
        return new Amount(Want(lent.MicroUsd, free.MicroUsd, cap.MicroUsd, lacked.MicroUsd), Want(lent.Tokens, free.Tokens, cap.Tokens, lacked.Tokens));
    }

    /// <summary>There is something to give back.</summary>
    public static bool HasFree(in BorrowedAccount account) =>
        (account.WholeCap.MicroUsd < Amount.Unlimited && account.Free.MicroUsd > 0) || (account.WholeCap.Tokens < Amount.Unlimited && account.Free.Tokens > 0);

    private static long Give(long wanted, long left, long cap)
    {
        if (wanted <= 0 || left <= 0 || cap >= Amount.Unlimited)
        {
            return 0;
        }

        var least = Math.Min(left, Math.Max(1, cap / LeastShare));
        return Math.Min(wanted, Math.Max(left / 2, least));
    }

    private static long Want(long lent, long free, long cap, long lacked)
    {
        if (cap >= Amount.Unlimited)
        {
            return lent;
        }

        var ahead = Math.Max(Math.Max(1, cap / AheadShare), LackedTimes * Math.Min(lacked, cap));
        return free >= Math.Max(1, ahead / 2) ? lent : lent + ahead - free;
    }
}
