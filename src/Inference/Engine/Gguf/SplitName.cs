using System.Globalization;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// The name of one part of a model that lies in several files, <c>STEM-00002-of-00003.gguf</c>: parts count from 1, and all lie in one folder.
/// https://github.com/ggml-org/llama.cpp/tree/master/tools/gguf-split
/// </summary>
/// <param name="Stem">Folder and name before the numbers: what the model is called.</param>
/// <param name="Number">Which part, from 1.</param>
/// <param name="Count">How many there are.</param>
public readonly record struct SplitName(string Stem, int Number, int Count)
{
    /// <summary>Parts of one model: each is a file held open. The largest published splits have about 160.</summary>
    public const int PartsMax = 512;

    private const string Ending = ".gguf";
    private const string Of = "-of-";
    private const int Digits = 5;
    private const int TailLength = 1 + Digits + 4 + Digits + 5;

    /// <summary>What the model is called, without the folder.</summary>
    public string Model => Path.GetFileName(Stem);

    /// <summary>Parts a path; false where it names a file that stands for itself.</summary>
    public static bool TryParse(string path, out SplitName name)
    {
        name = default;
        if (path.Length <= TailLength || !path.EndsWith(Ending, StringComparison.Ordinal))
        {
            return false;
        }

        var tail = path.AsSpan(path.Length - TailLength);
        if (tail[0] != '-' || !tail[(1 + Digits)..].StartsWith(Of)
            || !TryNumber(tail.Slice(1, Digits), out var number) || !TryNumber(tail.Slice(1 + Digits + Of.Length, Digits), out var count)
            || number > count || count > PartsMax || path[^(TailLength + 1)] is '/' or '\\')
        {
            return false;
        }

        name = new SplitName(path[..^TailLength], number, count);
        return true;
    }

    /// <summary>Where a part lies, by its number from 1.</summary>
    public string PathOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{Stem}-{number:D5}{Of}{Count:D5}{Ending}");

    /// <summary>All files of the model of which a path names one, in order, whether they are there or not.</summary>
    public static string[] PartsOf(string path) =>
        TryParse(path, out var name) ? [.. Enumerable.Range(1, name.Count).Select(name.PathOf)] : [path];

    private static bool TryNumber(ReadOnlySpan<char> digits, out int number) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
