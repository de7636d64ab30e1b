using System.Text;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// A decoder's prompt for one pair: the file's own text with places for the query and the document (<c>tokenizer.chat_template.rerank</c>: <c>{query}</c>,
/// <c>{document}</c>). Control tokens count in the file's text alone: what callers send cannot forge one. Immutable; any thread.
/// </summary>
internal sealed class RankPrompt
{
    public const string Key = "tokenizer.chat_template.rerank";

    private const string QueryMark = "{query}";
    private const string DocumentMark = "{document}";

    private readonly record struct Piece(byte[] Text, bool IsQuery, bool IsDocument);

    [ThreadStatic]
    private static ByteBuffer? s_text;

    private readonly List<Piece> _pieces = [];

    public RankPrompt(string template)
    {
        for (var from = 0; from < template.Length;)
        {
            var query = template.IndexOf(QueryMark, from, StringComparison.Ordinal);
            var document = template.IndexOf(DocumentMark, from, StringComparison.Ordinal);
            var isQuery = query >= 0 && (document < 0 || query < document);
            var at = isQuery ? query : document >= 0 ? document : template.Length;
            _pieces.Add(new Piece(Encoding.UTF8.GetBytes(template[from..at]), isQuery, !isQuery && document >= 0));
            from = at + (isQuery ? QueryMark.Length : DocumentMark.Length);
        }
    }

    /// <summary>Appends the prompt's tokens.</summary>
    public void Encode(Tokenizer tokenizer, ReadOnlySpan<byte> query, ReadOnlySpan<byte> document, TokenBuffer into)
    {
        var text = s_text ??= new ByteBuffer();
        text.Clear();
        Span<TrustedRange> trusted = stackalloc TrustedRange[Math.Min(_pieces.Count, 32)];
        for (var i = 0; i < _pieces.Count; i++)
        {
            var piece = _pieces[i];
            if (i < trusted.Length)
            {
                trusted[i] = new TrustedRange(text.Count, piece.Text.Length);
            }

            text.Add(piece.Text);
            text.Add(piece.IsQuery ? query : piece.IsDocument ? document : default);
        }

        tokenizer.EncodePrompt(text.Memory.Span, trusted, into);
    }
}
