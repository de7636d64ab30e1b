using Jesus.Inference.Engine.Hosting;

namespace Jesus.Inference.Tests.Engine.Hosting;

public sealed class HashCacheTests : IDisposable
{
    private static readonly FileFacts Facts = new(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(), ulong.MaxValue - 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-hashes-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Store => Path.Combine(_folder, "hashes");

    [Fact]
    public void Hashes_are_found_again_by_the_next_process()
    {
        var (file, stamp) = Sample("a model.gguf");
        new HashCache(Store).Put(file, stamp, Facts);
        Assert.True(new HashCache(Store).TryGet(file, stamp, out var found));
        Assert.Equal(Facts.Sha256.ToArray(), found.Sha256.ToArray());
        Assert.Equal(Facts.TemplateHash, found.TemplateHash);
        Assert.False(new HashCache(Store).TryGet(file + "x", stamp, out _));
        Assert.False(new HashCache(null).TryGet(file, stamp, out _));
    }

    [Fact]
    public void A_file_that_was_written_to_grown_or_replaced_has_another_stamp()
    {
        var (file, stamp) = Sample("m.gguf");
        var written = File.GetLastWriteTimeUtc(file);
        Assert.Equal(stamp, FileStamp.Of(file));
        using (var handle = File.OpenHandle(file))
        {
            Assert.Equal(stamp, FileStamp.Of(handle));
        }

        File.AppendAllText(file, "x");
        var grown = FileStamp.Of(file);
        Assert.NotEqual(stamp, grown);

        // Another of the same length and time in its place.
        var (other, _) = Sample("other");
        File.SetLastWriteTimeUtc(other, written);
        File.Move(other, file, overwrite: true);
        var replaced = FileStamp.Of(file)!.Value;
        Assert.Equal((stamp.Length, stamp.WrittenNs / 100), (replaced.Length, replaced.WrittenNs / 100));
        Assert.NotEqual(stamp, replaced);
        Assert.Null(FileStamp.Of(file + ".gone"));
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("cut")]
    [InlineData("flipped")]
    [InlineData("other")]
    public void A_damaged_store_is_ignored_and_written_anew(string damage)
    {
        var (file, stamp) = Sample("m.gguf");
        new HashCache(Store).Put(file, stamp, Facts);
        var bytes = File.ReadAllBytes(Store);
        bytes[30] ^= (byte)(damage == "flipped" ? 1 : 0);
        File.WriteAllBytes(Store, damage switch { "empty" => [], "cut" => bytes[..^20], "other" => [0, 255, 10, 3], _ => bytes });
        var cache = new HashCache(Store);
        Assert.False(cache.TryGet(file, stamp, out _));
        cache.Put(file, stamp, Facts);
        Assert.True(new HashCache(Store).TryGet(file, stamp, out _));
    }

    private (string Path, FileStamp Stamp) Sample(string name)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, "12345");
        return (path, FileStamp.Of(path)!.Value);
    }
}
