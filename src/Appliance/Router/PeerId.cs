namespace Jesus.Appliance.Router;

/// <summary>The id of a box in a federation: one token of a subject and of a bucket's name.</summary>
public static class PeerId
{
    /// <summary>Longer ones only make every message longer.</summary>
    public const int LengthMax = 64;

    /// <summary>1 to 64 letters, digits, <c>-</c> and <c>_</c>.</summary>
    public static bool IsValid(string text) =>
        text.Length is > 0 and <= LengthMax && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
