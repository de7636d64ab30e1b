using System.Text.Json;

namespace Jesus.Appliance.Budgets;

/// <summary>What passes between two boxes about one cap: both figures only ever grow, so a message that is lost, late or sent twice changes nothing.</summary>
/// <param name="Lent">All that the owner ever lent the other box of this account.</param>
/// <param name="Returned">All that the other box ever gave back.</param>
public readonly record struct PeerBlock(AccountKey Key, string Peer, Amount Lent, Amount Returned)
{
    /// <summary>What the other box may use.</summary>
    public Amount Open => Lent - Returned;
}

/// <summary>
/// Blocks of a cap between boxes. The box that owns a cap lends a block: from then on it counts as used here. The other box may spend up to what it was
/// lent, cut off or not, and gives back what it does not need. Each side's step is durable before it is told: the owner's before the loan is sent, the
/// borrower's before it is used, and what is given back leaves the borrower's account before the owner hears of it. So a crash or a partition can
/// strand a block, never spend it twice. Used by the keeper under its lock.
/// </summary>
internal sealed class PeerBlocks(Ledger ledger)
{
    private readonly Dictionary<(AccountKey Key, string Peer), PeerBlock> _lent = [];
    private readonly Dictionary<AccountKey, PeerBlock> _borrowed = [];

    public IReadOnlyCollection<PeerBlock> Lent => _lent.Values;
    public IReadOnlyCollection<PeerBlock> Borrowed => _borrowed.Values;

    /// <summary>The loan that an amount more would make.</summary>
    public PeerBlock Lending(AccountKey key, string peer, Amount more)
    {
        var block = _lent.GetValueOrDefault((key, peer), new PeerBlock(key, peer, default, default));
        return block with { Lent = block.Lent + more };
    }

    /// <summary>A loan whose amount the account holds already, and which is durable.</summary>
    public void Lend(in PeerBlock block, Account account, Amount more)
    {
        _lent[(block.Key, block.Peer)] = block;
        account.Reserved -= more;
        account.Used += more;
        account.Lent += more;
    }

    /// <summary>What the other box says it has given back in all, as far as it was lent so much.</summary>
    /// <returns>The new state and what of it is news; null when nothing is.</returns>
    public (PeerBlock Block, Amount News)? Returning(AccountKey key, string peer, Amount returned)
    {
        if (!_lent.TryGetValue((key, peer), out var block))
        {
            return null;
        }

        var now = Amount.Max(block.Returned, Amount.Min(returned, block.Lent));
        return now == block.Returned ? null : (block with { Returned = now }, now - block.Returned);
    }

    public void TakeBack(in PeerBlock block, Amount news)
    {
        _lent[(block.Key, block.Peer)] = block;
        if (ledger.TryGet(block.Key, out var account))
        {
            account.Used -= news;
            account.Lent -= news;
        }
    }

    /// <summary>The loan of an owner as this box knows it; empty names whoever lent last. Another owner's figures begin at nothing.</summary>
    public PeerBlock Borrowing(AccountKey key, string owner) =>
        _borrowed.TryGetValue(key, out var known) && (owner.Length == 0 || known.Peer == owner) ? known : new PeerBlock(key, owner, default, default);

    /// <summary>Both figures only grow: a step that was overtaken by a later one takes nothing back.</summary>
    public void Borrow(in PeerBlock block, Account account)
    {
        var known = Borrowing(block.Key, block.Peer);
        var grown = block with { Lent = Amount.Max(known.Lent, block.Lent), Returned = Amount.Max(known.Returned, block.Returned) };
        _borrowed[block.Key] = grown;
        account.Borrow(grown.Open);
    }

    public static ReadOnlyMemory<byte> Encode(in PeerBlock block, bool lent) => AccountJson.Encode((block, lent), static (json, step) =>
    {
        json.WriteStartObject(step.lent ? "lent"u8 : "borrowed"u8);
        AccountJson.WriteKey(json, step.block.Key);
        json.WriteString("peer"u8, step.block.Peer);
        WriteAmount(json, "open"u8, step.block.Lent);
        WriteAmount(json, "returned"u8, step.block.Returned);
        json.WriteEndObject();
    });

    public void Restore(JsonElement item, bool lent)
    {
        if (AccountJson.KeyOf(item) is not { } key)
        {
            return;
        }

        var block = new PeerBlock(key, item.GetProperty("peer"u8).GetString() ?? "",
            AccountJson.AmountOf(item.GetProperty("open"u8)), AccountJson.AmountOf(item.GetProperty("returned"u8)));
        if (lent)
        {
            RestoreLent(block);
        }
        else
        {
            Borrow(block, ledger.TryGet(key, out var account) ? account : ledger.Open(key, Cap.None));
        }
    }

    /// <summary>The lease of the account holds the loan already; only what came back since must be taken off it.</summary>
    private void RestoreLent(in PeerBlock block)
    {
        var before = _lent.GetValueOrDefault((block.Key, block.Peer), block with { Lent = default, Returned = default });
        _lent[(block.Key, block.Peer)] = block;
        if (ledger.TryGet(block.Key, out var account))
        {
            account.Lent += (block.Lent - before.Lent) - (block.Returned - before.Returned);
        }
    }

    private static void WriteAmount(Utf8JsonWriter json, ReadOnlySpan<byte> name, Amount amount)
    {
        json.WriteStartObject(name);
        AccountJson.WriteAmount(json, amount);
        json.WriteEndObject();
    }
}
