using System.Threading.Channels;
using Jesus.Appliance.Budgets;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>
/// Caps that boxes share. The owner of a cap lends the others blocks of it; a box spends what it was lent and no more, cut off or not, and gives back what it does
/// not need. One round: (1) what was lent to this box is noted, (2) what it wants or gives back is told, (3) what others gave back is taken, (4) what they want is lent,
/// (5) what was lent is told. Each step is durable here before the other side hears of it, and each can be repeated.
/// </summary>
internal sealed class SharedBudgets
{
    /// <summary>Between rounds when nothing is heard: a lost word is said again this soon.</summary>
    private static readonly TimeSpan RoundEvery = TimeSpan.FromSeconds(2);

    /// <summary>A loan that was not used for so long is given back.</summary>
    private static readonly TimeSpan IdleAfter = TimeSpan.FromMinutes(1);

    /// <summary>Words on the board are forgotten there after two months; those that hold are said again before.</summary>
    private static readonly TimeSpan RetellAfter = TimeSpan.FromDays(1);

    private readonly string _self;
    private readonly string _borrower;
    private readonly BudgetKeeper _keeper;
    private readonly ILoanBoard _board;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<byte> _starved = Channel.CreateBounded<byte>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<AccountKey, Watched> _watched = [];
    private readonly Dictionary<LoanId, (Amount Lent, long At)> _toldLoans = [];
    private readonly HashSet<LoanId> _disputed = [];
    private string _problem = "";
    private int _epoch;

    /// <param name="self">This box's id in the federation.</param>
    /// <param name="generation">Of its books.</param>
    public SharedBudgets(string self, string generation, BudgetKeeper keeper, ILoanBoard board, TimeProvider time, ILogger log)
    {
        _self = self;
        _borrower = $"{self}.{generation}";
        _keeper = keeper;
        _board = board;
        _time = time;
        _log = log;
    }

    /// <summary>Rounds until cancelled.</summary>
    /// <exception cref="Storage.Journal.JournalFailedException">A loan could not be made durable: the process must stop.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        _keeper.Lending.Starved = () => _starved.Writer.TryWrite(0);
        while (!cancel.IsCancellationRequested)
        {
            await RoundAsync(cancel).ConfigureAwait(false);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            await Task.WhenAny(_board.WaitAsync(RoundEvery, stop.Token).AsTask(), _starved.Reader.WaitToReadAsync(stop.Token).AsTask()).ConfigureAwait(false);
            await stop.CancelAsync().ConfigureAwait(false);

            // One round answers for all that starved before it.
            _ = _starved.Reader.TryRead(out _);
        }

        _keeper.Lending.Starved = null;
    }

    /// <summary>The last words of a box that stops: what is neither used nor held goes back.</summary>
    public async ValueTask GiveAllBackAsync(CancellationToken cancel)
    {
        foreach (var account in _keeper.Lending.Borrowed())
        {
            if (LoanRules.HasFree(account))
            {
                var block = await _keeper.Lending.GiveBackAsync(account.Key).ConfigureAwait(false);
                _ = Note(await _board.PostAsync(new LoanId(block.Peer, _borrower, account.Key), new LoanAsk(block.Lent, block.Returned), cancel).ConfigureAwait(false));
            }
        }
    }

    public async ValueTask RoundAsync(CancellationToken cancel)
    {
        if (_epoch != _board.Epoch)
        {
            // Another board, perhaps an empty one: everything is said anew.
            _epoch = _board.Epoch;
            _watched.Clear();
            _toldLoans.Clear();
        }

        await BorrowAsync(cancel).ConfigureAwait(false);
        await LendAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>1 and 2.</summary>
    private async ValueTask BorrowAsync(CancellationToken cancel)
    {
        var granted = new Dictionary<(AccountKey Key, string Owner), Amount>();
        foreach (var (id, grant) in _board.Loans())
        {
            if (id.Borrower == _borrower)
            {
                granted[(id.Key, id.Owner)] = grant.Lent;
            }
        }

        foreach (var account in _keeper.Lending.Borrowed())
        {
            var owner = account.Block.Peer;
            var lent = granted.GetValueOrDefault((account.Key, owner));

            // A loan that is known already needs no record on disk.
            var block = lent.FitsIn(account.Block.Lent) ? account.Block : await _keeper.Lending.BorrowAsync(account.Key, owner, lent).ConfigureAwait(false);
            await AskAsync(account with { Block = block }, cancel).ConfigureAwait(false);
        }
    }

    private async ValueTask AskAsync(BorrowedAccount account, CancellationToken cancel)
    {
        var now = _time.GetTimestamp();
        var isKnown = _watched.TryGetValue(account.Key, out var before);
        var isUsed = !isKnown || before.Taken != account.Taken || account.Lacked != default;
        var lacked = account.Block.Lent == before.Asked.Lent ? Amount.Max(before.Lacked, account.Lacked) : account.Lacked;
        var usedAt = isUsed ? now : before.UsedAt;
        var isIdle = _time.GetElapsedTime(usedAt, now) >= IdleAfter;
        var block = isIdle && LoanRules.HasFree(account) ? await _keeper.Lending.GiveBackAsync(account.Key).ConfigureAwait(false) : account.Block;
        lacked = isIdle ? default : lacked;
        var ask = new LoanAsk(isIdle ? block.Lent : LoanRules.Want(account with { Lacked = lacked }), block.Returned);
        var toldAt = before.ToldAt;
        if (!isKnown || toldAt is null || ask != before.Asked.Ask || _time.GetElapsedTime(toldAt.Value, now) >= RetellAfter)
        {
            toldAt = Note(await _board.PostAsync(new LoanId(block.Peer, _borrower, account.Key), ask, cancel).ConfigureAwait(false)) ? now : null;
        }

        _watched[account.Key] = new Watched((ask, block.Lent), toldAt, account.Taken, lacked, usedAt);
    }

    /// <summary>3, 4 and 5.</summary>
    private async ValueTask LendAsync(CancellationToken cancel)
    {
        var lent = new Dictionary<(AccountKey Key, string Borrower), Amount>();
        foreach (var block in _keeper.Lending.Lent())
        {
            lent[(block.Key, block.Peer)] = block.Lent;
        }

        await AdoptAsync(lent).ConfigureAwait(false);
        foreach (var (id, ask) in _board.Asks())
        {
            if (OwnedCap(id) is not { } cap)
            {
                continue;
            }

            await _keeper.Lending.TakeBackAsync(id.Key, id.Borrower, ask.Returned).ConfigureAwait(false);
            var missing = ask.Wanted - lent.GetValueOrDefault((id.Key, id.Borrower));
            await LendAsync(id, LoanRules.Give(missing, _keeper.Lending.LeftOf(id.Key), cap.Hard), lent).ConfigureAwait(false);
        }

        foreach (var ((key, borrower), amount) in lent)
        {
            await TellAsync(new LoanId(_self, borrower, key), amount, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>What stands on the board as lent by this box while its books do not know of it: they were lost. It counts as lent, so that it is not lent again.</summary>
    private async ValueTask AdoptAsync(Dictionary<(AccountKey Key, string Borrower), Amount> lent)
    {
        foreach (var (id, grant) in _board.Loans())
        {
            var missing = Amount.Max(default, grant.Lent - lent.GetValueOrDefault((id.Key, id.Borrower)));
            if (OwnedCap(id) is not null && missing != default && !await LendAsync(id, missing, lent).ConfigureAwait(false) && _disputed.Add(id))
            {
                _log.LogError(
                    "{Borrower} was lent more of {Account} than its cap has left here: the books of this box are older than what it lent, and the cap may be passed by as much",
                    id.Borrower, id.Key.Display);
            }
        }
    }

    private async ValueTask<bool> LendAsync(LoanId id, Amount more, Dictionary<(AccountKey Key, string Borrower), Amount> lent)
    {
        if (more == default)
        {
            return true;
        }

        var (loan, refusal) = await _keeper.Lending.LendAsync(id.Key, id.Borrower, more).ConfigureAwait(false);
        if (refusal.IsNone)
        {
            lent[(id.Key, id.Borrower)] = loan.Lent;
        }

        return refusal.IsNone;
    }

    private async ValueTask TellAsync(LoanId id, Amount lent, CancellationToken cancel)
    {
        var now = _time.GetTimestamp();
        var isTold = _toldLoans.TryGetValue(id, out var told) && told.Lent == lent && _time.GetElapsedTime(told.At, now) < RetellAfter;
        if (!isTold && OwnedCap(id) is not null && Note(await _board.PostAsync(id, new LoanGrant(lent), cancel).ConfigureAwait(false)))
        {
            _toldLoans[id] = (lent, now);
        }
    }

    /// <summary>The cap that a loan is of, where this box owns it and its period is not over.</summary>
    private Cap? OwnedCap(in LoanId id)
    {
        if (id.Owner != _self || _keeper.Admin.Calendar.IndexOf(id.Key.Period, _time.GetUtcNow()) > id.Key.Index)
        {
            return null;
        }

        var cap = _keeper.Lending.CapOf(id.Key);
        return cap.Owner == _self ? cap : null;
    }

    /// <summary>Says once that words do not get through, and once that they do again.</summary>
    private bool Note(string? problem)
    {
        if (problem is not null && _problem.Length == 0)
        {
            _log.LogWarning("shared budgets: {Problem}; this box goes on with what it was lent", problem);
        }
        else if (problem is null && _problem.Length > 0)
        {
            _log.LogInformation("shared budgets: loans get through again");
        }

        _problem = problem ?? "";
        return problem is null;
    }

    /// <summary>What this box said of an account last, when that was known to stand on the board, and when the account was last used.</summary>
    private readonly record struct Watched((LoanAsk Ask, Amount Lent) Asked, long? ToldAt, Amount Taken, Amount Lacked, long UsedAt);
}
