namespace Jesus.Appliance.Storage;

/// <summary>
/// The disk as every storing room sees it, so that a test can lose, tear and reorder what was not synced. Paths are absolute.
/// I/O errors are <see cref="IOException"/>: a room that cannot store must not go on.
/// </summary>
public interface IDisk
{
    bool FileExists(string path);
    bool DirectoryExists(string path);

    /// <summary>Bytes of a file, without opening it.</summary>
    long FileLength(string path);

    /// <summary>Creates the folder and its parents; the names are durable after <see cref="SyncDirectory"/> of each parent.</summary>
    void CreateDirectory(string path);

    /// <summary>Names (not paths) of the files in a folder, sorted ordinally.</summary>
    IReadOnlyList<string> ListFiles(string directory);

    IDiskFile Open(string path, DiskOpen mode);
    void Delete(string path);

    /// <summary>Replaces <paramref name="to"/> atomically; durable after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Makes creations, renames and deletions of names in a folder durable.</summary>
    void SyncDirectory(string path);

    /// <summary>Holds <paramref name="path"/> (created when missing) for this process alone until disposed; the end of the process lets go too.</summary>
    /// <exception cref="IOException">Another process holds it.</exception>
    IDisposable Lock(string path);

    /// <summary>Free bytes on the volume of <paramref name="path"/>.</summary>
    long FreeBytes(string path);
}

public enum DiskOpen : byte
{
    Read,

    /// <summary>Fails if it exists.</summary>
    CreateNew,
    OpenOrCreate,
}

/// <summary>An open file; positional, so that readers and the writer never share a cursor.</summary>
public interface IDiskFile : IDisposable
{
    long Length { get; }

    /// <returns>Bytes read; fewer than asked only at the end of the file.</returns>
    int Read(long position, Span<byte> destination);
    void Write(long position, ReadOnlySpan<byte> source);
    void SetLength(long length);

    /// <summary>fdatasync: what was written before is durable after.</summary>
    void Sync();
}
