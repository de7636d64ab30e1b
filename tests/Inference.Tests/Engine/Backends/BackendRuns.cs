using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>Runs tokens through a backend and compares logits.</summary>
internal static class BackendRuns
{
    public const int KvBlocks = 64;

    public static NativeBackend Native(GgufFile file, int threads = 2, Isa isa = Isa.Auto, KvElementType kv = KvElementType.F32) =>
        Native(file, ArchitectureReaders.Read(file), threads, isa, kv);

    public static NativeBackend Native(GgufFile file, ModelGraph model, int threads = 2, Isa isa = Isa.Auto, KvElementType kv = KvElementType.F32)
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        return NativeBackend.Load(file, model, new BackendOptions { Threads = threads, BatchRowsMax = 512, KvBlocks = KvBlocks, KvType = kv, Isa = isa });
    }

    /// <summary>Logits of every position of one sequence, run in one pass.</summary>
    public static float[][] AllLogits(IBackend backend, ReadOnlySpan<int> tokens, int adapter = 0)
    {
        using var table = new BlockTable(new KvBlockPool(KvBlocks));
        Assert.True(table.TryReserve(tokens.Length));
        var batch = new ForwardBatch(tokens.Length, tokens.Length, backend.Shape.Vocabulary);
        batch.BeginSequence(table.Blocks);
        for (var i = 0; i < tokens.Length; i++)
        {
            _ = batch.Add(tokens[i], i, wantsLogits: true, adapter);
        }

        backend.Forward(batch);
        return Enumerable.Range(0, tokens.Length).Select(i => batch.Logits(i).ToArray()).ToArray();
    }

    /// <summary>Largest difference of two rows of logits, relative to the largest of the expected.</summary>
    public static double Difference(float[] expected, float[] actual)
    {
        var scale = expected.Max(value => Math.Abs(value));
        return expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max() / scale;
    }

    public static int[] Tokens(int count, int vocabulary) => Enumerable.Range(0, count).Select(i => (i * 31 + 7) % vocabulary).ToArray();
}
