namespace Jesus.Inference.Engine.Templates;

/// <summary>A stretch of rendered text. Control tokens are parsed only in trusted runs, which come from the template itself.</summary>
/// <param name="Start">Offset in <see cref="TemplateOutput.Bytes"/>.</param>
/// <param name="Length">In bytes, at least 1.</param>
/// <param name="Trusted">Template text (true) or text from the request (false).</param>
public readonly record struct TextRun(int Start, int Length, bool Trusted);

/// <summary>What a template wrote: UTF-8 and its runs, in order and without gaps. Reused by <see cref="Reset"/>.</summary>
public sealed class TemplateOutput
{
    private readonly List<TextRun> _runs = [];
    private byte[] _bytes = new byte[4096];
    private int _length;

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);
    public IReadOnlyList<TextRun> Runs => _runs;

    public ReadOnlySpan<byte> BytesOf(TextRun run) => _bytes.AsSpan(run.Start, run.Length);

    /// <summary>Adds text; neighbours of equal trust become one run.</summary>
    internal void Write(ReadOnlySpan<byte> utf8, bool trusted)
    {
        if (utf8.IsEmpty)
        {
            return;
        }

        Grow(utf8.Length);
        utf8.CopyTo(_bytes.AsSpan(_length));
        if (_runs.Count > 0 && _runs[^1].Trusted == trusted)
        {
            _runs[^1] = _runs[^1] with { Length = _runs[^1].Length + utf8.Length };
        }
        else
        {
            _runs.Add(new TextRun(_length, utf8.Length, trusted));
        }

        _length += utf8.Length;
    }

    public void Reset()
    {
        _runs.Clear();
        _length = 0;
    }

    private void Grow(int more)
    {
        if (_length + more > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + more));
        }
    }
}
