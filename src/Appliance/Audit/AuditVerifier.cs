using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Audit;

/// <summary>Whether the log is what was written. Without signed checkpoints it shows any change that did not also recompute every later link.</summary>
public static class AuditVerifier
{
    /// <summary>What asking for signed checkpoints is answered.</summary>
    public const string CheckpointsAnswer = "Signed checkpoints are not implemented in this version; `Verify` checks the chain of hashes, and its head can be noted elsewhere.";

    /// <summary>Walks the whole chain; reads every byte of the journal once.</summary>
    public static ChainReport Verify(Journal journal, CancellationToken cancel) => journal.Verify(cancel);
}
