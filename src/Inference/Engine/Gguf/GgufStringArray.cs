using System.Text;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>An array of strings in one piece of memory: a vocabulary of 100,000 tokens is two objects, not 100,000.</summary>
public sealed class GgufStringArray
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;

    internal GgufStringArray(byte[] bytes, int[] ends)
    {
        _bytes = bytes;
        _ends = ends;
    }

    public int Count => _ends.Length;

    /// <summary>The bytes of one string; any bytes, the file does not promise UTF-8.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var start = index == 0 ? 0 : _ends[index - 1];
            return _bytes.AsSpan(start, _ends[index] - start);
        }
    }

    /// <summary>A new string: for the command line and errors.</summary>
    public string Text(int index) => Encoding.UTF8.GetString(this[index]);
}
