using System.Text;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Tests.Storage;

public sealed class PosixDiskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly PosixDisk _disk = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_and_synced_is_read_at_its_place()
    {
        using var file = _disk.Open(_folder.File("a"), DiskOpen.CreateNew);
        file.Write(10, "hello"u8);
        file.Sync();
        _disk.SyncDirectory(_folder.Path);
        var buffer = new byte[20];
        Assert.Equal(15, file.Read(0, buffer));
        Assert.Equal("hello", Encoding.ASCII.GetString(buffer, 10, 5));
        file.SetLength(12);
        Assert.Equal(12, _disk.FileLength(_folder.File("a")));
        Assert.Throws<IOException>(() => _disk.Open(_folder.File("a"), DiskOpen.CreateNew));
        Assert.Throws<FileNotFoundException>(() => _disk.Open(_folder.File("b"), DiskOpen.Read));
    }

    [Fact]
    public void A_rename_replaces_and_listings_are_sorted()
    {
        foreach (var name in new[] { "b", "a", "c" })
        {
            using var file = _disk.Open(_folder.File(name), DiskOpen.OpenOrCreate);
            file.Write(0, Encoding.ASCII.GetBytes(name));
        }

        _disk.Rename(_folder.File("c"), _folder.File("a"));
        _disk.Delete(_folder.File("b"));
        Assert.Equal(["a"], _disk.ListFiles(_folder.Path));
        Assert.Equal("c", File.ReadAllText(_folder.File("a")));
        Assert.True(_disk.FreeBytes(_folder.Path) > 0);
    }

    [Fact]
    public void A_folder_that_is_not_there_cannot_be_synced_and_the_error_names_it()
    {
        var error = Assert.Throws<IOException>(() => _disk.SyncDirectory(_folder.File("missing")));
        Assert.Contains("missing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_device_is_a_full_disk()
    {
        Assert.SkipUnless(_disk.FileExists("/dev/full"), "there is no /dev/full here");
        using var full = _disk.Open("/dev/full", DiskOpen.OpenOrCreate);
        var error = Assert.Throws<DiskFullException>(() => full.Write(0, "x"u8));
        Assert.Contains("/dev/full", error.Message, StringComparison.Ordinal);
    }
}
