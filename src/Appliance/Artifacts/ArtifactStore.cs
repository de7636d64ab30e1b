using System.Globalization;
using System.Security.Cryptography;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Artifacts;

/// <summary>
/// Content-addressed files: stored under their SHA-256, durable before <c>Put</c> returns (temporary file, fsync, rename, fsync of the folder), checked
/// on every read. Equal contents are stored once. Thread-safe.
/// </summary>
public sealed class ArtifactStore
{
    private readonly IDisk _disk;
    private readonly ArtifactPaths _paths;
    private readonly ArtifactOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, DateTimeOffset> _recent = new(StringComparer.Ordinal);
    private long _temporary;
    private long _used = -1;

    private ArtifactStore(IDisk disk, ArtifactPaths paths, ArtifactOptions options, TimeProvider time) =>
        (_disk, _paths, _options, _time) = (disk, paths, options, time);

    /// <summary>Bytes of all artifacts, those being written included. The first call counts the files.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate)
            {
                return Used();
            }
        }
    }

    /// <summary>Opens or creates the store in a folder, and deletes what a crash left unfinished.</summary>
    public static ArtifactStore Open(IDisk disk, string directory, ArtifactOptions options, TimeProvider time)
    {
        var paths = new ArtifactPaths(directory);
        if (!disk.DirectoryExists(paths.Temporary))
        {
            disk.CreateDirectory(paths.Temporary);
            disk.SyncDirectory(directory);
            disk.SyncDirectory(Path.GetDirectoryName(directory)!);
        }

        foreach (var name in disk.ListFiles(paths.Temporary))
        {
            disk.Delete(Path.Combine(paths.Temporary, name));
        }

        return new ArtifactStore(disk, paths, options, time);
    }

    /// <summary>Stores bytes that are in memory; durable when this returns.</summary>
    public ArtifactPut Put(ReadOnlySpan<byte> content, string mediaType)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content));
        lock (_gate)
        {
            if (IsStored(hash))
            {
                return new ArtifactPut(new ArtifactRef(hash, content.Length, mediaType), null);
            }
        }

        using var writer = Begin(mediaType);
        return writer.Append(content) is { } refusal ? new ArtifactPut(default, refusal) : writer.Complete();
    }

    /// <summary>Stores a stream to its end; durable when this completes.</summary>
    public async ValueTask<ArtifactPut> PutAsync(Stream content, string mediaType, CancellationToken cancel)
    {
        using var writer = Begin(mediaType);
        var buffer = new byte[64 * 1024];
        int read;
        while ((read = await content.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
        {
            if (writer.Append(buffer.AsSpan(0, read)) is { } refusal)
            {
                return new ArtifactPut(default, refusal);
            }
        }

        return writer.Complete();
    }

    public bool Exists(string hash) => ArtifactRef.IsHash(hash) && _disk.FileExists(_paths.FileOf(hash));

    /// <summary>
    /// The content as a stream that hashes what it reads and throws <see cref="ArtifactDamagedException"/> at the end when it is not what was stored;
    /// null when there is no such artifact.
    /// </summary>
    public Stream? OpenRead(string hash) =>
        Exists(hash) ? new ArtifactReader(_disk.Open(_paths.FileOf(hash), DiskOpen.Read), _paths.FileOf(hash), hash) : null;

    /// <summary>The whole content, checked before it is returned; null when there is no such artifact.</summary>
    /// <exception cref="ArtifactDamagedException">The content is not what was stored.</exception>
    public byte[]? Read(string hash)
    {
        if (!Exists(hash))
        {
            return null;
        }

        using var file = _disk.Open(_paths.FileOf(hash), DiskOpen.Read);
        var content = new byte[file.Length];
        file.Read(0, content);
        var found = Convert.ToHexStringLower(SHA256.HashData(content));
        return found == hash ? content : throw new ArtifactDamagedException(_paths.FileOf(hash), found);
    }

    /// <summary>
    /// Deletes one artifact whose only reference is gone; nothing happens where there is none. Equal contents share a file: only for contents that no other
    /// record can name.
    /// </summary>
    public void Delete(string hash)
    {
        lock (_gate)
        {
            _ = _recent.Remove(hash);
            if (!Exists(hash))
            {
                return;
            }

            var path = _paths.FileOf(hash);
            var length = _disk.FileLength(path);
            _disk.Delete(path); // not synced: a deletion that a crash undoes leaves a file for the next sweep
            _used = _used < 0 ? _used : _used - length;
        }
    }

    /// <summary>
    /// Deletes what nothing refers to, except what was stored, or stored again, within <see cref="ArtifactOptions.SweepGrace"/>: its record may be on its way.
    /// Others go on meanwhile; the store is held for one deletion at a time.
    /// </summary>
    /// <param name="live">Hashes of every artifact that a record refers to.</param>
    /// <returns>How many files and bytes went.</returns>
    public (int Files, long Bytes) Sweep(IReadOnlySet<string> live, CancellationToken cancel = default)
    {
        lock (_gate)
        {
            ForgetOld();
        }

        var (files, bytes) = (0, 0L);
        foreach (var (hash, path) in Files())
        {
            cancel.ThrowIfCancellationRequested();
            if (!live.Contains(hash) && TryDelete(hash, path) is >= 0 and var length)
            {
                (files, bytes) = (files + 1, bytes + length);
            }
        }

        return (files, bytes);
    }

    /// <returns>Its bytes; -1 when it was stored lately, or is gone.</returns>
    private long TryDelete(string hash, string path)
    {
        lock (_gate)
        {
            if (_recent.ContainsKey(hash) || !_disk.FileExists(path))
            {
                return -1;
            }

            var length = _disk.FileLength(path);
            _disk.Delete(path); // not synced: a deletion that a crash undoes is swept again
            _used = _used < 0 ? _used : _used - length;
            return length;
        }
    }

    internal string? Reserve(long more, long artifactSoFar)
    {
        lock (_gate)
        {
            if (artifactSoFar + more > _options.ArtifactBytesMax)
            {
                return $"The artifact is larger than {_options.ArtifactBytesMax} bytes (artifacts.artifactBytesMax); split it, or raise the limit.";
            }

            if (Used() + more > _options.QuotaBytes)
            {
                return $"The artifacts would use more than {_options.QuotaBytes} bytes (artifacts.quotaBytes; {_used} are used); delete old runs, or raise the quota.";
            }

            if (_disk.FreeBytes(_paths.Root) - more < _options.FreeBytesMin)
            {
                return $"The volume of {_paths.Root} would have less than {_options.FreeBytesMin} bytes free (artifacts.freeBytesMin), which the journal needs; free some space.";
            }

            _used += more;
            return null;
        }
    }

    internal void Release(long bytes)
    {
        lock (_gate)
        {
            _used -= bytes;
        }
    }

    /// <summary>Gives the finished temporary file its name, durably. One at a time, so that equal contents meet.</summary>
    /// <returns>False when the content was there already: the temporary file is superfluous.</returns>
    internal bool Publish(string temporary, string hash)
    {
        lock (_gate)
        {
            if (IsStored(hash))
            {
                return false;
            }

            var folder = _paths.FolderOf(hash);
            if (!_disk.DirectoryExists(folder))
            {
                _disk.CreateDirectory(folder);
                _disk.SyncDirectory(_paths.Root);
            }

            _disk.Rename(temporary, _paths.FileOf(hash));
            _disk.SyncDirectory(folder);
            return true;
        }
    }

    /// <summary>Whether the content is there, durably; keeps it from the next sweep either way.</summary>
    private bool IsStored(string hash)
    {
        var isNew = !_recent.ContainsKey(hash);
        _recent[hash] = _time.GetUtcNow();
        if (!_disk.FileExists(_paths.FileOf(hash)))
        {
            return false;
        }

        if (isNew)
        {
            _disk.SyncDirectory(_paths.FolderOf(hash)); // a killed process may have left the name in memory only
        }

        return true;
    }

    private ArtifactWriter Begin(string mediaType)
    {
        var path = Path.Combine(_paths.Temporary, Interlocked.Increment(ref _temporary).ToString(CultureInfo.InvariantCulture));
        return new ArtifactWriter(this, _disk, path, mediaType);
    }

    private long Used()
    {
        if (_used < 0)
        {
            _used = 0;
            foreach (var (_, path) in Files())
            {
                _used += _disk.FileLength(path);
            }
        }

        return _used;
    }

    private IEnumerable<(string Hash, string Path)> Files()
    {
        foreach (var (prefix, folder) in _paths.Folders())
        {
            foreach (var name in _disk.DirectoryExists(folder) ? _disk.ListFiles(folder) : [])
            {
                yield return (prefix + name, Path.Combine(folder, name));
            }
        }
    }

    private void ForgetOld()
    {
        var limit = _time.GetUtcNow() - _options.SweepGrace;
        foreach (var (hash, stored) in _recent)
        {
            if (stored < limit)
            {
                _recent.Remove(hash);
            }
        }
    }
}
