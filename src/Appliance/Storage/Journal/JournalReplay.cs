namespace Jesus.Appliance.Storage.Journal;

/// <summary>A room whose state in memory is a fold of its records.</summary>
public interface IJournalFold
{
    /// <summary>The kinds it wants.</summary>
    ReadOnlySpan<JournalKind> Kinds { get; }

    /// <summary>Called for each record in order, before the room is used. The payload is valid only during the call.</summary>
    void Apply(in JournalRecord record);
}

/// <summary>Reads the journal once at the start for all rooms that fold it.</summary>
public static class JournalReplay
{
    /// <returns>The last record read.</returns>
    /// <exception cref="JournalCorruptException">Acknowledged records are damaged.</exception>
    public static JournalPosition Run(IJournal journal, params ReadOnlySpan<IJournalFold> folds)
    {
        var byKind = new List<IJournalFold>[256];
        foreach (var fold in folds)
        {
            foreach (var kind in fold.Kinds)
            {
                (byKind[(byte)kind] ??= []).Add(fold);
            }
        }

        return Run(journal, byKind);
    }

    private static JournalPosition Run(IJournal journal, List<IJournalFold>?[] byKind)
    {
        var last = JournalPosition.Start;
        foreach (var record in journal.ReadAfter(last))
        {
            last = record.Position;
            foreach (var fold in byKind[(byte)record.Kind] ?? [])
            {
                fold.Apply(record);
            }
        }

        return last;
    }
}
