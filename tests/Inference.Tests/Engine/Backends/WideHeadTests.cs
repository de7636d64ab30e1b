using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>
/// 8-bit keys and values of heads 128 and 256 wide, several of which share one: a position's logits are the same bits in one pass of one thread of plain code, and in any chunks
/// beside any others on any threads and instruction set.
/// </summary>
public sealed class WideHeadTests(ITestOutputHelper output)
{
    private const int Tokens = 75;
    private const int Sequences = 3;
    private const int Rounds = 2;

    [Theory]
    [InlineData(128, 8, 2, 0)]
    [InlineData(128, 6, 1, 24)]
    [InlineData(256, 4, 1, 0)]
    [InlineData(256, 4, 2, 40)]
    public void A_position_has_the_same_logits_in_any_company_with_8_bit_keys_and_values(int headDim, int heads, int kvHeads, int window)
    {
        var seed = TestSeed.Next(output);
        var dice = new Random(seed);
        using var file = File(headDim, heads, kvHeads, window);
        using var plain = BackendRuns.Native(file, threads: 1, Isa.Generic, KvElementType.Q8_0);
        var texts = Enumerable.Range(0, Sequences).Select(_ => Enumerable.Range(0, Tokens).Select(_ => dice.Next(LlamaSamples.Vocabulary)).ToArray()).ToArray();
        var alone = texts.Select(text => BackendRuns.AllLogits(plain, text)).ToArray();
        foreach (var isa in new[] { Isa.Generic, Isa.Avx2, Isa.Avx512 }.Where(NativeBackend.IsAvailable))
        {
            for (var threads = 1; threads <= 3; threads++)
            {
                using var backend = BackendRuns.Native(file, threads, isa, KvElementType.Q8_0);
                for (var round = 0; round < Rounds; round++)
                {
                    var together = Together(backend, texts, dice);
                    for (var i = 0; i < Sequences; i++)
                    {
                        Assert.True(alone[i].Zip(together[i]).All(rows => rows.First.AsSpan().SequenceEqual(rows.Second)), $"seed {seed}, {isa}, {threads} threads, sequence {i}");
                    }
                }
            }
        }
    }

    /// <summary>Each text in chunks by the dice, from one row on, in passes with none to all of the others.</summary>
    private static float[][][] Together(NativeBackend backend, int[][] texts, Random dice)
    {
        var pool = new KvBlockPool(BackendRuns.KvBlocks);
        var tables = texts.Select(_ => new BlockTable(pool)).ToArray();
        var logits = texts.Select(text => new float[text.Length][]).ToArray();
        var done = new int[texts.Length];
        var batch = new ForwardBatch(Sequences * Tokens, Sequences * Tokens, LlamaSamples.Vocabulary);
        while (Enumerable.Range(0, texts.Length).Where(i => done[i] < Tokens).ToArray() is { Length: > 0 } left)
        {
            batch.Clear();
            List<(int Sequence, int Position)> rows = [];
            foreach (var i in left.Where(_ => dice.Next(3) > 0).OrderBy(_ => dice.Next()))
            {
                var chunk = dice.Next(2) == 0 ? 1 : Math.Min(dice.Next(1, 40), Tokens - done[i]);
                Assert.True(tables[i].TryReserve(done[i] + chunk));
                batch.BeginSequence(tables[i].Blocks);
                for (var end = done[i] + chunk; done[i] < end; done[i]++)
                {
                    _ = batch.Add(texts[i][done[i]], done[i], wantsLogits: true);
                    rows.Add((i, done[i]));
                }
            }

            if (rows.Count > 0)
            {
                backend.Forward(batch);
            }

            for (var row = 0; row < rows.Count; row++)
            {
                logits[rows[row].Sequence][rows[row].Position] = batch.Logits(row).ToArray();
            }
        }

        Array.ForEach(tables, table => table.Dispose());
        return logits;
    }

    /// <summary>A model of one layer of such heads; its window is Mistral's, of all layers.</summary>
    private static GgufFile File(int headDim, int heads, int kvHeads, int window)
    {
        const int Width = 64;
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("llama.block_count", 2u)
            .Add("llama.embedding_length", (uint)Width)
            .Add("llama.feed_forward_length", 96u)
            .Add("llama.attention.head_count", (uint)heads)
            .Add("llama.attention.head_count_kv", (uint)kvHeads)
            .Add("llama.attention.key_length", (uint)headDim)
            .Add("llama.attention.value_length", (uint)headDim)
            .Add("llama.rope.dimension_count", (uint)headDim)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("llama.context_length", 128u);
        writer = window > 0 ? writer.Add("llama.attention.sliding_window", (uint)window) : writer;
        var seed = 1ul;
        Matrix("token_embd.weight", LlamaSamples.Vocabulary, Width);
        Norm("output_norm.weight");
        for (var layer = 0; layer < 2; layer++)
        {
            Norm($"blk.{layer}.attn_norm.weight");
            Matrix($"blk.{layer}.attn_q.weight", heads * headDim, Width);
            Matrix($"blk.{layer}.attn_k.weight", kvHeads * headDim, Width);
            Matrix($"blk.{layer}.attn_v.weight", kvHeads * headDim, Width);
            Matrix($"blk.{layer}.attn_output.weight", Width, heads * headDim);
            Norm($"blk.{layer}.ffn_norm.weight");
            Matrix($"blk.{layer}.ffn_gate.weight", 96, Width);
            Matrix($"blk.{layer}.ffn_up.weight", 96, Width);
            Matrix($"blk.{layer}.ffn_down.weight", Width, 96);
        }

        return LlamaSamples.Open(writer);

        void Matrix(string name, int rows, int columns) =>
            _ = writer.AddTensor(name, GgufTensorType.Q8_0, [columns, rows], LlamaSamples.Encode(LlamaSamples.Values(rows * columns, 0, seed++), GgufTensorType.Q8_0));

        void Norm(string name) => _ = writer.AddTensor(name, GgufTensorType.F32, [Width], LlamaSamples.Encode(LlamaSamples.Values(Width, 1, seed++), GgufTensorType.F32));
    }
}
