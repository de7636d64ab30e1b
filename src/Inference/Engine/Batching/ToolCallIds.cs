using System.Security.Cryptography;

namespace Jesus.Inference.Engine.Batching;

/// <summary>Ids of tool calls: unique on this box, hard to guess, 21 bytes: <c>call_</c> and 16 hexadecimal digits.</summary>
internal static class ToolCallIds
{
    public const int Length = 21;

    private static readonly ulong Start = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
    private static long s_count;

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public static void Next(Span<byte> destination)
    {
        // A bijection of the counter: no two ids are equal, and neighbours look unrelated.
        var value = Start + ((ulong)Interlocked.Increment(ref s_count) * 0x9E3779B97F4A7C15UL);
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
        "call_"u8.CopyTo(destination);
        _ = (value ^ (value >> 31)).TryFormat(destination[5..], out _, "x16", System.Globalization.CultureInfo.InvariantCulture);
    }
}
