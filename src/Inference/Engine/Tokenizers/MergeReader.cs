using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>Reads a file's list of merges, and the tokens of single bytes that merging begins with.</summary>
internal static class MergeReader
{
    private const string Merges = "tokenizer.ggml.merges";

    public static MergeTable Read(GgufMetadata metadata, Vocabulary vocabulary, TokenSpelling spelling)
    {
        var merges = metadata.RequireStrings(Merges);
        var table = new MergeTable(merges.Count);
        var bytes = new byte[GgufLimits.StringBytes];
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var pair = merges[rank];
            // The first character may itself be written as a space only in old files; the separator is the first space after it.
            var space = pair.IsEmpty ? -1 : pair[1..].IndexOf((byte)' ') + 1;
            if (space <= 0)
            {
                throw metadata.Error(Merges, $"entry {rank} (\"{merges.Text(rank)}\") is not two tokens with a space between.");
            }

            var leftLength = TokenReader.Spell(pair[..space], TokenType.Normal, spelling, bytes);
            var rightLength = TokenReader.Spell(pair[(space + 1)..], TokenType.Normal, spelling, bytes.AsSpan(leftLength));
            var left = vocabulary.Find(bytes.AsSpan(0, leftLength));
            var right = vocabulary.Find(bytes.AsSpan(leftLength, rightLength));
            var merged = vocabulary.Find(bytes.AsSpan(0, leftLength + rightLength));
            if (left < 0 || right < 0 || merged < 0)
            {
                throw metadata.Error(Merges, $"entry {rank} (\"{merges.Text(rank)}\") names a token that the vocabulary lacks.");
            }

            table.Add(left, right, (uint)rank, merged);
        }

        return table;
    }

    /// <summary>
    /// [256]; -1 where there is none: published vocabularies lack bytes that no text has (0xC0, some control characters), and leave them out. One that lacks
    /// printable ASCII is no byte-level vocabulary.
    /// </summary>
    public static int[] ByteTokens(GgufMetadata metadata, Vocabulary vocabulary)
    {
        var ids = new int[256];
        for (var value = 0; value < 256; value++)
        {
            ids[value] = vocabulary.Find([(byte)value]);
            if (ids[value] < 0 && value is >= ' ' and <= '~')
            {
                throw metadata.Error(TokenReader.Tokens, $"has no token for the byte 0x{value:x2}; a byte-level vocabulary has one for every printable character.");
            }
        }

        return ids;
    }
}
