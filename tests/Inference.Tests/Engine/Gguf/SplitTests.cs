using System.Security.Cryptography;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Tools;

namespace Jesus.Inference.Tests.Engine.Gguf;

/// <summary>A model in several files is one model.</summary>
public sealed class SplitTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-split-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("/m/big-00001-of-00003.gguf", "big", 1, 3)]
    [InlineData("/m/a-00001-of-00002-00002-of-00002.gguf", "a-00001-of-00002", 2, 2)]
    public void A_part_is_known_by_its_name(string path, string model, int number, int count)
    {
        Assert.True(SplitName.TryParse(path, out var name));
        Assert.Equal((model, number, count, path), (name.Model, name.Number, name.Count, name.PathOf(number)));
    }

    [Theory]
    [InlineData("/m/big.gguf")]
    [InlineData("/m/big-0001-of-0003.gguf")]
    [InlineData("/m/big-00004-of-00003.gguf")]
    [InlineData("/m/big-00000-of-00003.gguf")]
    [InlineData("/m/-00001-of-00003.gguf")]
    [InlineData("/m/big-00001-of-00003.gguf.part")]
    [InlineData("/m/big-+0001-of-00003.gguf")]
    public void Other_names_are_of_files_of_their_own(string path)
    {
        Assert.False(SplitName.TryParse(path, out _));
        Assert.Equal([path], SplitName.PartsOf(path));
    }

    [Fact]
    public async Task It_is_listed_once_loaded_as_one_and_computes_what_the_whole_file_does()
    {
        Assert.SkipUnless(TestData.HasNano, TestData.NanoMissing);
        var first = GgufSplitter.Write(_folder, "nano", Parts(0, 7, 9));
        using var host = Host();
        var file = Assert.Single(host.List());
        var parts = SplitName.PartsOf(first);
        Assert.Equal(("nano", first, parts.Sum(part => new FileInfo(part).Length)), (file.Name, file.Path, file.Bytes));
        var load = await host.LoadAsync("nano");
        Assert.True(load.Succeeded, load.Error.Message);
        var bytes = parts.SelectMany(File.ReadAllBytes).ToArray();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), load.Model!.Sha256);
        Assert.Equal(load.Model.Sha256, ModelTools.Hash(first).Value);
        Assert.Equal(ModelTools.Logits(TestData.NanoModel, new[] { 271, 300 }).Value![0], ModelTools.Logits(parts[2], new[] { 271, 300 }).Value![0]);
        Assert.Equal(ErrorCause.ModelNotFound, (await host.LoadAsync("nano-00001-of-00003")).Error.Cause);
    }

    [Fact]
    public async Task A_part_that_is_replaced_is_another_model_and_removing_takes_all_parts()
    {
        Assert.SkipUnless(TestData.HasNano, TestData.NanoMissing);
        var first = GgufSplitter.Write(_folder, "nano", Parts(5, 5));
        using var host = Host();
        Assert.True((await host.LoadAsync("nano")).Succeeded);
        Assert.Equal(UnloadOutcome.Unloaded, (await host.UnloadAsync("nano")).Outcome);
        Assert.False(host.NumericsOf("nano").IsUnknown);
        File.AppendAllText(SplitName.PartsOf(first)[1], "x");
        Assert.True(host.NumericsOf("nano").IsUnknown);
        Assert.True((await host.RemoveAsync("nano")).Error.IsNone);
        Assert.Empty(Directory.EnumerateFiles(_folder));
        Assert.Empty(host.List());
    }

    [Fact]
    public void A_file_of_its_own_goes_before_a_split_one_of_the_same_name()
    {
        File.WriteAllBytes(Path.Combine(_folder, "m.gguf"), GgufSamples.Sample());
        _ = GgufSplitter.Write(_folder, "m", GgufSplitter.Split(GgufSamples.Sample(), [1, 1]));
        using var host = Host();
        Assert.Equal(Path.Combine(_folder, "m.gguf"), Assert.Single(host.List()).Path);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_missing_part_is_named(int missing)
    {
        var first = GgufSplitter.Write(_folder, "m", GgufSplitter.Split(GgufSamples.Sample(), [1, 1, 1]));
        var gone = SplitName.PartsOf(first)[missing - 1];
        File.Delete(gone);
        using var host = Host();
        Assert.Equal("m", Assert.Single(host.List()).Name);
        var load = await host.LoadAsync("m");
        Assert.Contains($"{gone}: at byte 0, the file: is missing: it is part {missing} of 3", load.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_copy_of_another_part_is_named()
    {
        var first = GgufSplitter.Write(_folder, "m", GgufSplitter.Split(GgufSamples.Sample(), [1, 1]));
        var parts = SplitName.PartsOf(first);
        File.Copy(parts[0], parts[1], overwrite: true);
        AssertRefused(first, parts[1], "split.no", "is part 1, but by its name it is part 2");
    }

    [Fact]
    public void Parts_of_other_splits_are_named()
    {
        var three = GgufSplitter.Write(_folder, "m", GgufSplitter.Split(GgufSamples.Sample(), [1, 1, 1]));
        var parts = SplitName.PartsOf(three);
        var two = GgufSplitter.Split(GgufSamples.Sample(), [1, 1]);
        File.WriteAllBytes(parts[1], two[1]);
        AssertRefused(three, parts[1], "split.count", "is 2, but by its name the file is one of 3");
        File.WriteAllBytes(parts[1], GgufSplitter.Split(GgufSamples.Sample(), [1, 1, 1], claim => claim with { Tensors = 99 })[1]);
        AssertRefused(three, parts[1], "split.tensors.count", "is 99, but");
        File.WriteAllBytes(parts[1], GgufSplitter.Split(GgufSamples.Sample(), [0, 1, 1])[1]);
        AssertRefused(three, parts[1], GgufSamples.Open(GgufSamples.Sample()).Tensors[0].Name, $"this tensor is in {parts[0]} as well");
        File.WriteAllBytes(parts[1], GgufSplitter.Split(GgufSamples.Sample(), [1, 0, 1])[1]);
        AssertRefused(three, parts[0], "split.tensors.count", "they are not of one split");
    }

    [Fact]
    public void A_part_under_a_name_of_its_own_is_told_what_to_be_called()
    {
        var path = Path.Combine(_folder, "alone.gguf");
        File.WriteAllBytes(path, GgufSplitter.Split(GgufSamples.Sample(), [1, 1])[1]);
        AssertRefused(path, path, "split.count", "NAME-00002-of-00002.gguf");
    }

    private static void AssertRefused(string path, string names, string field, string says)
    {
        var error = Assert.Throws<GgufException>(() => GgufFile.Open(path));
        Assert.Equal((names, field), (error.File, error.Field));
        Assert.Contains(says, error.Problem, StringComparison.Ordinal);
    }

    private static byte[][] Parts(params int[] counts) => GgufSplitter.Split(File.ReadAllBytes(TestData.NanoModel), counts);

    private ModelHost Host() => new(new ModelHostOptions { ModelsFolder = _folder, Threads = 1 }, TimeProvider.System);
}
