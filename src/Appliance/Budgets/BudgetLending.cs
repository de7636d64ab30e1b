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
            lending =>
            {
                _state.Peers.Lend(lending, reservation.Accounts[0], amount);
                _keeper.TellOf(reservation.Accounts[0]);
            }).ConfigureAwait(false);
        return (block, default);
    }

    /// <summary>Takes back what another box says it has given back in all; saying it again changes nothing.</summary>
    public async ValueTask TakeBackAsync(AccountKey key, string peer, Amount returnedInAll)
    {
        bool isNews;
        lock (_state.Gate)
        {
            isNews = _state.Peers.Returning(key, peer, returnedInAll) is not null;
        }

        if (isNews)
        {
            // Looked at again in its turn: a loan that was being written is then part of it.
            await WritePeerAsync(
                lent: true,
                () => _state.Peers.Returning(key, peer, returnedInAll)?.Block ?? _state.Peers.Lending(key, peer, default),
                block =>
                {
                    if (_state.Peers.Returning(key, peer, block.Returned) is { } back)
                    {
                        _state.Peers.TakeBack(back.Block, back.News);
                        ShrinkLease(key);
                    }
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

    /// <summary>Told, outside any lock, that a call was refused for want of a loan.</summary>
    public Action? Starved { get; set; }

    /// <summary>Some cap names its owner, this box or another.</summary>
    public bool HasOwnedCaps
    {
        get
        {
            lock (_state.Gate)
            {
                return _state.Caps.HasOwners;
            }
        }
    }

    /// <summary>All loans that this box ever made, of the accounts it remembers.</summary>
    public IReadOnlyList<PeerBlock> Lent()
    {
        lock (_state.Gate)
        {
            return [.. _state.Peers.Lent];
        }
    }

    /// <summary>The account of a cap that this box owns, as its cap has it now: what may still be lent.</summary>
    public Amount LeftOf(AccountKey key)
    {
        lock (_state.Gate)
        {
            var account = _state.Ledger.TryGet(key, out var known) ? known : _state.Ledger.Open(key, _state.CapOf(key));
            return account.Cap - (account.Used + account.Reserved);
        }
    }

    /// <summary>The whole cap of an account and the box that owns it; <see cref="Cap.None"/> where none applies.</summary>
    public Cap CapOf(AccountKey key)
    {
        lock (_state.Gate)
        {
            return _state.CapOf(key);
        }
    }

    /// <summary>
    /// Accounts here of caps that other boxes own, in their current period; those of the configuration among them before anybody used them. What calls lacked is told
    /// once.
    /// </summary>
    public IReadOnlyList<BorrowedAccount> Borrowed()
    {
        var now = _state.Time.GetUtcNow();
        var borrowed = new List<BorrowedAccount>();
        lock (_state.Gate)
        {
            foreach (var ((scope, name), caps) in _state.Caps.Lines)
            {
                foreach (var cap in caps.Values)
                {
                    if (cap.IsBorrowed && name != "*")
                    {
                        _ = _state.Ledger.Open(new AccountKey(scope, name, cap.Period, _state.Calendar.IndexOf(cap.Period, now)), cap);
                    }
                }
            }

            foreach (var account in _state.Ledger.Accounts)
            {
                if (account.IsBorrowed && account.SetFrom.IsBorrowed && account.Key.Index == _state.Calendar.IndexOf(account.Key.Period, now))
                {
                    borrowed.Add(new BorrowedAccount(
                        _state.Peers.Borrowing(account.Key, account.SetFrom.Owner), account.WholeCap, account.Used + account.Reserved, account.Lacked));
                    account.Lacked = default;
                }
            }
        }

        return borrowed;
    }

    /// <summary>Names this life of the box's books: what was lent to an earlier one whose journal is lost is not this one's to spend. Durable when this completes.</summary>
    /// <param name="fresh">Taken where the journal knows none yet.</param>
    public async ValueTask<string> GenerationAsync(string fresh)
    {
        await _state.Writing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_state.Generation.Length == 0)
            {
                await _state.Journal.AppendAsync(
                    JournalKind.BudgetLease, AccountJson.Encode(fresh, static (json, name) => json.WriteString("generation"u8, name))).ConfigureAwait(false);
                _state.Generation = fresh;
            }

            return _state.Generation;
        }
        finally
        {
            _state.Writing.Release();
        }
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

    /// <summary>What came back is not leased any more.</summary>
    private void ShrinkLease(AccountKey key)
    {
        if (_state.Ledger.TryGet(key, out var account))
        {
            Ledger.Shrink(account, _state.Options.LeaseShare);
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

/// <summary>An account here of a cap that another box owns.</summary>
/// <param name="Block">What was lent and given back; its peer is the owner.</param>
/// <param name="WholeCap">Of the owner.</param>
/// <param name="Taken">Used and held here.</param>
/// <param name="Lacked">The largest call that was refused since this was last asked.</param>
public readonly record struct BorrowedAccount(PeerBlock Block, Amount WholeCap, Amount Taken, Amount Lacked)
{
    public AccountKey Key => Block.Key;

    /// <summary>Lent, and neither used, held nor given back.</summary>
    public Amount Free => Block.Open - Taken;
}
