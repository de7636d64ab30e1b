namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Words with the spaces before them: where no token holds a space behind something else, no token reaches over a word's beginning, so that words may be
/// encoded one by one with the same result as the whole text.
/// </summary>
internal static class SpacedWords
{
    public static bool AreIndependent(Vocabulary vocabulary)
    {
        for (var id = 0; id < vocabulary.Count; id++)
        {
            var bytes = vocabulary.Bytes(id);
            if ((vocabulary.TypeOf(id) is TokenType.Normal or TokenType.UserDefined or TokenType.Unused) && bytes.TrimStart((byte)' ').Contains((byte)' '))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Bytes of the first word.</summary>
    public static int Next(ReadOnlySpan<byte> text)
    {
        var start = text.IndexOfAnyExcept((byte)' ');
        var length = start < 0 ? -1 : text[start..].IndexOf((byte)' ');
        return length < 0 ? text.Length : start + length;
    }
}
