namespace Jesus.Appliance.Storage.Journal;

/// <summary>Acknowledged records are damaged. Nothing is dropped or repaired on its own: the operator decides.</summary>
public sealed class JournalCorruptException(string file, long offset, string what) : IOException(
    $"The journal is damaged: {file}, offset {offset}: {what}. Nothing was changed. "
    + "Restore the journal folder from a backup or a replica; check the disk (dmesg, smartctl) before going on.")
{
    /// <summary>Path of the damaged segment.</summary>
    public string File { get; } = file;

    /// <summary>Byte offset in it.</summary>
    public long Offset { get; } = offset;
}
