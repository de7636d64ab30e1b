using Jesus.Appliance.Federation.Budgets;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Federation.Budgets;

/// <summary>A board on which words are lost, come late, come twice and out of order, by a seed.</summary>
/// <param name="dice">Null: nothing fails.</param>
internal sealed class FaultyBoard(TestDice? dice)
{
    private readonly Dictionary<LoanId, List<LoanAsk>> _asks = [];
    private readonly Dictionary<LoanId, List<LoanGrant>> _loans = [];

    /// <summary>Boxes that reach nobody.</summary>
    public HashSet<string> CutOff { get; } = [];

    public ILoanBoard SeenBy(string borrower) => new View(this, borrower.Split('.')[0]);

    private bool Happens(int oneIn) => dice is not null && dice.Next(oneIn) == 0;

    private T Some<T>(List<T> words) => Happens(4) ? words[dice!.Next(words.Count)] : words[^1];

    private string? Put<T>(Dictionary<LoanId, List<T>> words, LoanId id, T word, string from)
    {
        if (CutOff.Contains(from) || Happens(5))
        {
            return "lost";
        }

        words.TryAdd(id, []);
        words[id].Add(word);
        if (Happens(10))
        {
            // An older one comes once more.
            words[id].Add(words[id][dice!.Next(words[id].Count)]);
        }

        return Happens(5) ? "the answer is lost" : null;
    }

    private sealed class View(FaultyBoard board, string self) : ILoanBoard
    {
        private IReadOnlyList<(LoanId, LoanAsk)> _asks = [];
        private IReadOnlyList<(LoanId, LoanGrant)> _loans = [];

        public int Epoch => 1;

        public IReadOnlyList<(LoanId Id, LoanAsk Ask)> Asks() => _asks = board.CutOff.Contains(self) || board.Happens(4)
            ? _asks
            : [.. board._asks.Where(a => a.Key.Owner == self).Select(a => (a.Key, board.Some(a.Value)))];

        public IReadOnlyList<(LoanId Id, LoanGrant Grant)> Loans() => _loans = board.CutOff.Contains(self) || board.Happens(4)
            ? _loans
            : [.. board._loans.Where(l => l.Key.Owner == self || l.Key.Borrower.StartsWith(self + ".", StringComparison.Ordinal)).Select(l => (l.Key, board.Some(l.Value)))];

        public ValueTask<string?> PostAsync(LoanId id, LoanAsk ask, CancellationToken cancel) => new(board.Put(board._asks, id, ask, self));

        public ValueTask<string?> PostAsync(LoanId id, LoanGrant grant, CancellationToken cancel) => new(board.Put(board._loans, id, grant, self));

        public ValueTask WaitAsync(TimeSpan atMost, CancellationToken cancel) => ValueTask.CompletedTask;
    }
}
