using System.Buffers;
using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Native;

namespace Jesus.Inference.Engine.Lora;

/// <summary>Puts a model's adapters beside its weights in the kernels: adapter i of the list is adapter i + 1 of a batch's rows.</summary>
internal static unsafe class LoraLoader
{
    /// <summary>Rows are read so many bytes at a time at most (one row at least): within the second-level cache when they are packed.</summary>
    private const int PieceBytes = 256 * 1024;

    /// <summary>One side of one part.</summary>
    private readonly record struct Side(LoraGraph Adapter, int Index, int Number, GgufTensorInfo Tensor, long FirstRow, long Rows);

    public static void Load(nint model, IReadOnlyList<LoraGraph> adapters, int threads)
    {
        if (adapters.Count == 0)
        {
            return;
        }

        var parts = new List<NativeLowRank>();
        var sides = new List<Side>();
        for (var i = 0; i < adapters.Count; i++)
        {
            foreach (var part in adapters[i].Parts)
            {
                sides.Add(new Side(adapters[i], parts.Count, 0, part.Down, 0, part.Rank));
                sides.Add(new Side(adapters[i], parts.Count, 1, part.Up, part.FirstRow, part.Rows));
                parts.Add(Native(part, i + 1));
            }
        }

        fixed (NativeLowRank* first = CollectionsMarshal.AsSpan(parts))
        {
            var status = NativeMethods.ModelAdapt(model, first, parts.Count);
            NativeLibraryCheck.Check(status, $"making room for {adapters.Count} LoRA adapters of {adapters.Sum(adapter => adapter.Bytes):N0} bytes");
        }

        LowPriority.ForEach(threads, "packing adapters", sides, side => Load(model, side));
    }

    private static NativeLowRank Native(LoraPart part, int adapter) => new()
    {
        Adapter = adapter,
        Slot = (int)part.Slot,
        Layer = part.Layer,
        Rank = part.Rank,
        DownType = (int)Kept(part.Down.Type),
        UpType = (int)Kept(part.Up.Type),
        Scale = part.Scale,
    };

    private static GgufTensorType Kept(GgufTensorType type) => type == GgufTensorType.Q8_0 ? GgufTensorType.F32 : type;

    private static void Load(nint model, Side side)
    {
        var rowBytes = side.Tensor.ByteLength / side.Tensor.Rows;
        var step = (int)Math.Clamp(PieceBytes / rowBytes, 1, side.Rows);
        var bytes = ArrayPool<byte>.Shared.Rent((int)(step * rowBytes));
        var floats = ArrayPool<float>.Shared.Rent(side.Tensor.Type == GgufTensorType.Q8_0 ? (int)(step * side.Tensor.Columns) : 0);
        try
        {
            for (long row = 0; row < side.Rows; row += step)
            {
                var rows = (int)Math.Min(step, side.Rows - row);
                var read = bytes.AsSpan(0, (int)(rows * rowBytes));
                side.Adapter.File.ReadTensor(side.Tensor, (side.FirstRow + row) * rowBytes, read);
                Pack(model, side, row, rows, read, floats);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
            ArrayPool<float>.Shared.Return(floats);
        }
    }

    private static void Pack(nint model, Side side, long row, int rows, Span<byte> read, float[] floats)
    {
        if (side.Tensor.Type == GgufTensorType.Q8_0)
        {
            var wide = floats.AsSpan(0, (int)(rows * side.Tensor.Columns));
            Dequantize.Row(side.Tensor.Type, read, wide);
            read = MemoryMarshal.AsBytes(wide);
        }

        fixed (byte* data = read)
        {
            var status = NativeMethods.AdapterLoad(model, side.Index, side.Number, row, rows, data, (ulong)read.Length);
            NativeLibraryCheck.Check(status, $"packing rows {row} to {row + rows - 1} of {side.Tensor.Name}");
        }
    }
}
