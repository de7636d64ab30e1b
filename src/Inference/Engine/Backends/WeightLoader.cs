using System.Buffers;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Native;

namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// Reads tensors piece by piece and packs each piece into the kernels' layout, on several threads that yield to running engines. A piece is small enough to be
/// still in the second-level cache when it is packed, so the file's bytes cross memory once.
/// </summary>
internal sealed unsafe class WeightLoader(GgufFile file, IReadOnlyList<ModelTensor> tensors, int threads, Action<long>? loaded = null)
{
    /// <summary>Half of a common 512 KB second-level cache.</summary>
    private const int PieceBytes = 256 * 1024;

    /// <summary>Rows that one packed group holds; pieces of different threads must not share a group.</summary>
    private const int GroupRows = 16;

    private readonly record struct Piece(int Tensor, long FirstRow, int Rows);

    public void Load(nint model) => LowPriority.ForEach(threads, "packing weights", Split(), piece => LoadPiece(model, piece));

    private List<Piece> Split()
    {
        var pieces = new List<Piece>();
        for (var i = 0; i < tensors.Count; i++)
        {
            var tensor = tensors[i];
            var rows = (int)Math.Min(tensor.Rows, Math.Max(1, PieceBytes / GroupRows / tensor.RowBytes) * GroupRows);
            for (long row = 0; row < tensor.Rows; row += rows)
            {
                pieces.Add(new Piece(i, row, (int)Math.Min(rows, tensor.Rows - row)));
            }
        }

        return pieces;
    }

    private void LoadPiece(nint model, Piece piece)
    {
        var tensor = tensors[piece.Tensor];
        var bytes = (int)(tensor.RowBytes * piece.Rows);
        var buffer = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            file.ReadTensor(tensor.Info, tensor.ByteOffset + piece.FirstRow * tensor.RowBytes, buffer.AsSpan(0, bytes));
            fixed (byte* data = buffer)
            {
                var status = NativeMethods.ModelLoad(model, piece.Tensor, piece.FirstRow, piece.Rows, data, (ulong)bytes);
                NativeLibraryCheck.Check(status, $"packing rows {piece.FirstRow} to {piece.FirstRow + piece.Rows - 1} of {tensor.Info.Name}");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        loaded?.Invoke(bytes);
    }
}
