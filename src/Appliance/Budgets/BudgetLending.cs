using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// Blocks of caps between boxes: what a network carries is its own affair. A message that is lost, late or repeated changes nothing, and each step is durable on
/// the side that takes it before the other side hears of it (see <see cref="PeerBlocks"/>). Thread-safe.
/// </summary>
public sealed class BudgetLending
{
    private readonly BudgetState _state;
    private readonly BudgetKeeper _keeper;

    internal BudgetLending(BudgetState state, BudgetKeeper keeper) => (_state, _keeper) = (state, keeper);

    /// <summary>Lends another box a block of a cap that this box owns: it counts as used here. Durable when this completes.</summary>
    /// <returns>The loan to send, or why there is none.</returns>
    public async ValueTask<(PeerBlock Block, BudgetRefusal Refusal)> LendAsync(AccountKey key, string peer, Amount amount)
    {
        var reservation = new Reservation { PassesSoftCaps = true };
        lock (_state.Gate)
        {
            reservation.Accounts.Add(_state.Ledger.TryGet(key, out var account) ? account : _state.Ledger.Open(key, _state.CapOf(key)));
        }

        var refusal = await _keeper.ReserveAsync(reservation, amount).ConfigureAwait(false);
        if (!refusal.IsNone)
        {
            return (default, refusal);
        }

        var block = await WritePeerAsync(
            lent: true,
            () => _state.Peers.Lending(key, peer, amount),
            lending => _state.Peers.Lend(lending, reservation.Accounts[0], amount)).ConfigureAwait(false);
        return (block, default);
    }

    /// <summary>Takes back what another box says it has given back in all; saying it again changes nothing.</summary>
    public async ValueTask TakeBackAsync(AccountKey key, string peer, Amount returnedInAll)
    {
        (PeerBlock Block, Amount News)? step;
        lock (_state.Gate)
        {
            step = _state.Peers.Returning(key, peer, returnedInAll);
        }

        if (step is { } back)
        {
            await WritePeerAsync(lent: true, () => back.Block, block =>
            {
                _state.Peers.TakeBack(block, back.News);
                ShrinkLease(key);
            }).ConfigureAwait(false);
            await WriteLeaseAsync(key).ConfigureAwait(false);
        }
    }

    /// <summary>Notes what the owner of a cap has lent this box in all: from then on so much may be spent here, and no more. An older figure changes nothing.</summary>
    public ValueTask<PeerBlock> BorrowAsync(AccountKey key, string owner, Amount lentInAll) => WritePeerAsync(
        lent: false,
        () =>
        {
            var known = _state.Peers.Borrowing(key, owner);
            return known with { Lent = Amount.Max(known.Lent, lentInAll) };
        },
        block => _state.Peers.Borrow(block, _state.Ledger.TryGet(key, out var account) ? account : _state.Ledger.Open(key, _state.CapOf(key))));

    /// <summary>Gives back what is neither used nor held: gone from here before the owner is told.</summary>
    /// <returns>What to tell the owner: <see cref="PeerBlock.Returned"/> in all.</returns>
    public async ValueTask<PeerBlock> GiveBackAsync(AccountKey key)
    {
        PeerBlock next = default;
        lock (_state.Gate)
        {
            var known = _state.Peers.Borrowing(key, "");
            if (!_state.Ledger.TryGet(key, out var account))
            {
                return known;
            }

            // Out of reach of calls first, then durable.
            var free = Amount.Max(default, known.Open - (account.Used + account.Reserved));
            next = known with { Returned = known.Returned + free };
            _state.Peers.Borrow(next, account);
            account.Leased = Amount.Min(account.Leased, account.Used + account.Reserved);
        }

        await WriteLeaseAsync(key).ConfigureAwait(false);
        return await WritePeerAsync(lent: false, () => next, static _ => { }).ConfigureAwait(false);
    }

    private async ValueTask<PeerBlock> WritePeerAsync(bool lent, Func<PeerBlock> next, Action<PeerBlock> apply)
    {
        await _state.Writing.WaitAsync().ConfigureAwait(false);
        try
        {
            PeerBlock block;
            lock (_state.Gate)
            {
                block = next();
            }

            await _state.Journal.AppendAsync(JournalKind.BudgetLease, PeerBlocks.Encode(block, lent)).ConfigureAwait(false);
            lock (_state.Gate)
            {
                apply(block);
            }

            return block;
        }
        finally
        {
            _state.Writing.Release();
        }
    }

    /// <summary>What came back is not leased any more: less in memory first, then on disk, so that a crash between counts too much.</summary>
    private void ShrinkLease(AccountKey key)
    {
        if (_state.Ledger.TryGet(key, out var account))
        {
            account.Leased = Amount.Min(account.Leased, Ledger.FreshLease(account, default, _state.Options.LeaseShare));
        }
    }

    private async ValueTask WriteLeaseAsync(AccountKey key)
    {
        await _state.Writing.WaitAsync().ConfigureAwait(false);
        try
        {
            Amount leased;
            lock (_state.Gate)
            {
                leased = _state.Ledger.TryGet(key, out var account) ? account.Leased : default;
            }

            await _state.Leases.WriteAsync([(key, leased)]).ConfigureAwait(false);
        }
        finally
        {
            _state.Writing.Release();
        }
    }
}
