namespace Jesus.Appliance.Runner.Workflows;

/// <summary>What names may look like. Ids stand in paths and expressions, so they hold no dot, slash or bracket.</summary>
internal static class Names
{
    public const string IdRule = "a letter, then letters, digits, - and _, 64 at most";

    public static bool IsId(string text) =>
        text.Length is > 0 and <= 64 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>An artifact's name is a file name without a folder.</summary>
    public static bool IsFileName(string text) =>
        text.Length is > 0 and <= 128 && text[0] != '.' && text.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or ' ');

    public const string FileNameRule = "letters, digits, space, '-', '_' and '.', not first, 128 at most";
}
