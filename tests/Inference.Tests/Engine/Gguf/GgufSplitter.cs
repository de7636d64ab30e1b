using System.Text;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Gguf;

/// <summary>Writes a model's file as several, the way the format's published splits are laid out: all keys in the first, the split's own in each.</summary>
internal static class GgufSplitter
{
    /// <summary>What a part says of itself beside its tensors; tests write wrong ones.</summary>
    internal sealed record Claim(int Number, int Count, int Tensors);

    /// <summary>Bytes of each part.</summary>
    /// <param name="whole">A file with metadata and tensors.</param>
    /// <param name="counts">How many tensors go into each part; what is over goes into the last.</param>
    /// <param name="claims">Changes what a part says; null leaves it true.</param>
    public static byte[][] Split(byte[] whole, int[] counts, Func<Claim, Claim>? claims = null)
    {
        using var file = GgufFile.Open(new MemoryByteSource(whole), "whole.gguf");
        var keys = whole.AsSpan(24, KeysEnd(whole, file) - 24).ToArray();
        var (parts, next) = (new byte[counts.Length][], 0);
        for (var i = 0; i < counts.Length; i++)
        {
            var tensors = file.Tensors.Skip(next).Take(i == counts.Length - 1 ? int.MaxValue : counts[i]).ToArray();
            next += tensors.Length;
            var claim = new Claim(i, counts.Length, file.Tensors.Count);
            parts[i] = Part(file, i == 0 ? keys : [], i == 0 ? BitConverter.ToInt32(whole, 16) : 0, claims?.Invoke(claim) ?? claim, tensors);
        }

        return parts;
    }

    /// <summary>Writes the parts under their names; answers the first's path.</summary>
    public static string Write(string folder, string stem, byte[][] parts)
    {
        var name = new SplitName(Path.Combine(folder, stem), 1, parts.Length);
        for (var i = 0; i < parts.Length; i++)
        {
            File.WriteAllBytes(name.PathOf(i + 1), parts[i]);
        }

        return name.PathOf(1);
    }

    private static byte[] Part(GgufFile file, byte[] keys, int keyCount, Claim claim, GgufTensorInfo[] tensors)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Length);
        writer.Write((ulong)(keyCount + 3));
        writer.Write(keys);
        Key("split.no", GgufValueType.UInt16, () => writer.Write((ushort)claim.Number));
        Key("split.count", GgufValueType.UInt16, () => writer.Write((ushort)claim.Count));
        Key("split.tensors.count", GgufValueType.Int32, () => writer.Write(claim.Tensors));
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            Text(tensor.Name);
            writer.Write((uint)tensor.Dimensions.Count);
            tensor.Dimensions.ToList().ForEach(size => writer.Write((ulong)size));
            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset += Padded(tensor.ByteLength);
        }

        foreach (var tensor in tensors)
        {
            stream.SetLength(stream.Position = Padded(stream.Position));
            var bytes = new byte[tensor.ByteLength];
            file.ReadTensor(tensor, 0, bytes);
            writer.Write(bytes);
        }

        stream.SetLength(Padded(stream.Length));
        return stream.ToArray();

        void Text(string text)
        {
            writer.Write((ulong)text.Length);
            writer.Write(Encoding.UTF8.GetBytes(text));
        }

        void Key(string key, GgufValueType type, Action value)
        {
            Text(key);
            writer.Write((uint)type);
            value();
        }
    }

    private static long Padded(long bytes) => (bytes + 31) / 32 * 32;

    /// <summary>Where the tensors' descriptions begin: at the first one's name with its length.</summary>
    private static int KeysEnd(byte[] whole, GgufFile file)
    {
        var name = file.Tensors[0].Name;
        byte[] mark = [.. BitConverter.GetBytes((ulong)name.Length), .. Encoding.UTF8.GetBytes(name)];
        return whole.AsSpan(0, (int)file.DataOffset).LastIndexOf(mark);
    }
}
