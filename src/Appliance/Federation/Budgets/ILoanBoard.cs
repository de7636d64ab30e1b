namespace Jesus.Appliance.Federation.Budgets;

/// <summary>
/// Where boxes leave word of loans for each other, as one of them sees it: what it reads may be old, what it writes may be lost, or stand there although it was not
/// told so. All figures only grow, so none of that does harm.
/// </summary>
internal interface ILoanBoard
{
    /// <summary>Grows whenever the board may be another one: what was said on the old one is said again.</summary>
    int Epoch { get; }

    /// <summary>All asks to this box that it knows of.</summary>
    IReadOnlyList<(LoanId Id, LoanAsk Ask)> Asks();

    /// <summary>All loans that this box gave or was given, as they stand there.</summary>
    IReadOnlyList<(LoanId Id, LoanGrant Grant)> Loans();

    /// <summary>Compare and set of this box's own word.</summary>
    /// <returns>Null when it stands there now, else why that is not known.</returns>
    ValueTask<string?> PostAsync(LoanId id, LoanAsk ask, CancellationToken cancel);

    /// <inheritdoc cref="PostAsync(LoanId, LoanAsk, CancellationToken)"/>
    ValueTask<string?> PostAsync(LoanId id, LoanGrant grant, CancellationToken cancel);

    /// <summary>Until something may have changed there, or the time is up.</summary>
    ValueTask WaitAsync(TimeSpan atMost, CancellationToken cancel);
}
