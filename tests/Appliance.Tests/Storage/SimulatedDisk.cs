using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Tests.Storage;

/// <summary>Thrown by every call once the simulated power is gone.</summary>
public sealed class PowerLostException() : IOException("The power is gone.");

/// <summary>
/// A disk in memory that keeps what was synced and, at <see cref="Crash"/>, loses, tears and reorders what was not: each 512-byte sector of
/// an unsynced write is kept, lost or kept in part; unsynced lengths and directory entries come or vanish. Everything follows from the seed.
/// </summary>
public sealed class SimulatedDisk(int seed) : IDisk
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, Inode> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Inode> _durableNames = new(StringComparer.Ordinal);
    private readonly List<(string Directory, string Path, Inode? Inode, string? Removed)> _entryChanges = [];
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal) { "/" };
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);
    private readonly object _gate = new();
    private bool _powerLost;

    /// <summary>Calls of Sync and SyncDirectory so far.</summary>
    public int Syncs { get; private set; }

    /// <summary>The power fails at this sync (counted from 1); 0 means never.</summary>
    public int LosePowerAtSync { get; set; }

    /// <summary>Whether that sync still reaches the platter (its acknowledgement never arrives).</summary>
    public bool LosePowerAfter { get; set; }

    /// <summary>This sync fails with an I/O error; 0 means none.</summary>
    public int FailSync { get; set; }

    /// <summary>Writes beyond so many bytes in all fail as on a full disk.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    public long WrittenBytes { get; private set; }

    /// <summary>Comes back after a power failure with what the disk made of the unsynced writes.</summary>
    public void Crash()
    {
        lock (_gate)
        {
            var mode = _random.Next(4); // 0: all lost, 1: all kept, else mixed
            var inodes = new HashSet<Inode>(_names.Values);
            inodes.UnionWith(_durableNames.Values);
            inodes.UnionWith(_entryChanges.Where(c => c.Inode is not null).Select(c => c.Inode!));
            foreach (var inode in inodes)
            {
                inode.Crash(_random, mode);
            }

            foreach (var change in _entryChanges)
            {
                if (mode == 1 || (mode > 1 && _random.Next(2) == 0))
                {
                    Apply(change, _durableNames);
                }
            }

            _entryChanges.Clear();
            _names.Clear();
            foreach (var (path, inode) in _durableNames)
            {
                _names.Add(path, inode);
            }

            _locks.Clear();
            _powerLost = false;
            (LosePowerAtSync, FailSync, Syncs) = (0, 0, 0);
        }
    }

    /// <summary>Content of a file as a program sees it now, to look at or to damage.</summary>
    public byte[] Content(string path) => _names[path].Visible();

    /// <summary>Replaces the content of a file, durably.</summary>
    public void Damage(string path, byte[] content) => _names[path].Replace(content);

    public bool FileExists(string path) => Guarded(() => _names.ContainsKey(path));

    public bool DirectoryExists(string path) => Guarded(() => _directories.Contains(path));

    public long FileLength(string path) => Guarded(() => _names[path].Length);

    /// <summary>Folders are durable at once: no room of ours depends on losing one.</summary>
    public void CreateDirectory(string path) => Guarded(() =>
    {
        for (var at = path; at is not null && _directories.Add(at); at = Path.GetDirectoryName(at))
        {
        }

        return true;
    });

    public IReadOnlyList<string> ListFiles(string directory) => Guarded(() =>
    {
        var names = _names.Keys.Where(p => Path.GetDirectoryName(p) == directory).Select(p => Path.GetFileName(p)!).ToList();
        names.Sort(StringComparer.Ordinal);
        return names;
    });

    public IDiskFile Open(string path, DiskOpen mode) => Guarded(() =>
    {
        if (_names.TryGetValue(path, out var inode))
        {
            return mode == DiskOpen.CreateNew ? throw new IOException($"{path} exists") : new SimulatedFile(this, inode);
        }

        if (mode == DiskOpen.Read)
        {
            throw new FileNotFoundException(path);
        }

        inode = new Inode();
        Change((Path.GetDirectoryName(path)!, path, inode, null));
        return new SimulatedFile(this, inode);
    });

    public void Delete(string path) => Guarded(() => Change((Path.GetDirectoryName(path)!, path, null, path)));

    public void Rename(string from, string to) => Guarded(() => Change((Path.GetDirectoryName(to)!, to, _names[from], from)));

    public IDisposable Lock(string path) => Guarded(() => _locks.Add(path) ? new Releaser(this, path) : throw new IOException($"{path} is held by another process"));

    public void SyncDirectory(string path) => Guarded(() =>
    {
        CountSync(() =>
        {
            foreach (var change in _entryChanges.Where(c => c.Directory == path))
            {
                Apply(change, _durableNames);
            }

            _entryChanges.RemoveAll(c => c.Directory == path);
        });
        return true;
    });

    public long FreeBytes(string path) => Math.Max(0, Capacity - WrittenBytes);

    private bool Change((string Directory, string Path, Inode? Inode, string? Removed) change)
    {
        Apply(change, _names);
        _entryChanges.Add(change);
        return true;
    }

    private static void Apply((string Directory, string Path, Inode? Inode, string? Removed) change, Dictionary<string, Inode> names)
    {
        if (change.Removed is not null)
        {
            names.Remove(change.Removed);
        }

        if (change.Inode is not null)
        {
            names[change.Path] = change.Inode;
        }
    }

    private void CountSync(Action effect)
    {
        Syncs++;
        if (Syncs == FailSync)
        {
            throw new IOException("Input/output error");
        }

        var losesPower = Syncs == LosePowerAtSync;
        if (!losesPower || LosePowerAfter)
        {
            effect();
        }

        if (losesPower)
        {
            _powerLost = true;
            throw new PowerLostException();
        }
    }

    private T Guarded<T>(Func<T> act)
    {
        lock (_gate)
        {
            return _powerLost ? throw new PowerLostException() : act();
        }
    }

    private sealed class Releaser(SimulatedDisk disk, string path) : IDisposable
    {
        public void Dispose() => disk._locks.Remove(path);
    }

    private sealed class SimulatedFile(SimulatedDisk disk, Inode inode) : IDiskFile
    {
        public long Length => disk.Guarded(() => inode.Length);

        public int Read(long position, Span<byte> destination)
        {
            lock (disk._gate)
            {
                return disk._powerLost ? throw new PowerLostException() : inode.Read(position, destination);
            }
        }

        public void Write(long position, ReadOnlySpan<byte> source)
        {
            lock (disk._gate)
            {
                if (disk._powerLost)
                {
                    throw new PowerLostException();
                }

                if (disk.WrittenBytes + source.Length > disk.Capacity)
                {
                    throw new DiskFullException("/simulated", 0, new IOException("No space left on device"));
                }

                disk.WrittenBytes += source.Length;
                inode.Write(position, source);
            }
        }

        public void SetLength(long length) => disk.Guarded(() =>
        {
            inode.SetLength(length);
            return true;
        });

        public void Sync() => disk.Guarded(() =>
        {
            disk.CountSync(inode.Sync);
            return true;
        });

        public void Dispose()
        {
        }
    }

    /// <summary>What a name points at: the content that programs see, the content on the platter, and the writes between them.</summary>
    private sealed class Inode
    {
        private const int SectorBytes = 512;

        private readonly List<(long Position, byte[]? Data, long Length)> _unsynced = [];
        private byte[] _visible = [];
        private byte[] _durable = [];

        public long Length { get; private set; }

        public byte[] Visible() => _visible[..(int)Length];

        public int Read(long position, Span<byte> destination)
        {
            var count = (int)Math.Clamp(Length - position, 0, destination.Length);
            _visible.AsSpan((int)Math.Min(position, Length), count).CopyTo(destination);
            return count;
        }

        public void Write(long position, ReadOnlySpan<byte> source)
        {
            Length = Math.Max(Length, position + source.Length);
            Reserve(ref _visible, Length);
            source.CopyTo(_visible.AsSpan((int)position));
            _unsynced.Add((position, source.ToArray(), Length));
        }

        public void SetLength(long length)
        {
            Reserve(ref _visible, length);
            if (length < Length)
            {
                _visible.AsSpan((int)length).Clear();
            }

            Length = length;
            _unsynced.Add((0, null, length));
        }

        public void Sync()
        {
            _durable = _visible[..(int)Length];
            _unsynced.Clear();
        }

        public void Replace(byte[] content)
        {
            (_visible, _durable, Length) = ((byte[])content.Clone(), (byte[])content.Clone(), content.Length);
            _unsynced.Clear();
        }

        public void Crash(Random random, int mode)
        {
            var content = (byte[])_durable.Clone();
            long length = content.Length;
            foreach (var (position, data, lengthAfter) in _unsynced)
            {
                if (mode == 0)
                {
                    break;
                }

                if (data is null)
                {
                    length = mode == 1 || random.Next(2) == 0 ? Truncate(content, lengthAfter) : length;
                    continue;
                }

                length = mode == 1 || random.Next(4) > 0 ? Math.Max(length, lengthAfter) : length;
                Reserve(ref content, Math.Max(length, position + data.Length));
                KeepSectors(content, position, data, mode, random);
            }

            Reserve(ref content, length);
            Array.Resize(ref content, (int)length); // what lies past the length is not seen
            Replace(content);
        }

        private static long Truncate(byte[] content, long length)
        {
            if (length < content.Length)
            {
                content.AsSpan((int)length).Clear();
            }

            return length;
        }

        private static void KeepSectors(byte[] content, long position, byte[] data, int mode, Random random)
        {
            for (var from = 0; from < data.Length;)
            {
                var sectorEnd = ((position + from) / SectorBytes + 1) * SectorBytes - position;
                var count = (int)Math.Min(sectorEnd, data.Length) - from;
                var kept = mode == 1 ? count : random.Next(8) switch
                {
                    < 4 => count,
                    < 7 => 0,
                    _ => random.Next(count + 1),
                };
                data.AsSpan(from, kept).CopyTo(content.AsSpan((int)position + from));
                from += count;
            }
        }

        private static void Reserve(ref byte[] content, long length)
        {
            if (content.Length < length)
            {
                Array.Resize(ref content, (int)Math.Max(length, content.Length * 2L));
            }
        }
    }
}
