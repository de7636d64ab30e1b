using System.Buffers;
using System.Text;

namespace Jesus.Appliance.Runner;

/// <summary>
/// The hashes that a text mentions, wherever they stand: 64 hexadecimal digits in lower case with no such digit before or after. A tool's value may name an
/// artifact that only the tool knows of; a text that merely looks like a hash keeps nothing that is not there.
/// </summary>
internal static class HashScan
{
    private const int Digits = 64;

    private static readonly SearchValues<byte> Hex = SearchValues.Create("0123456789abcdef"u8);

    public static void Find(ReadOnlySpan<byte> utf8, Action<string> found)
    {
        while (utf8.IndexOfAny(Hex) is >= 0 and var at)
        {
            utf8 = utf8[at..];
            var length = utf8.IndexOfAnyExcept(Hex) is >= 0 and var end ? end : utf8.Length;
            if (length == Digits)
            {
                found(Encoding.ASCII.GetString(utf8[..Digits]));
            }

            utf8 = utf8[length..];
        }
    }
}
