using System.Buffers;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Security.Redaction;

/// <summary>
/// Redaction of one call. <see cref="Redact(ModelRequest)"/> before an attempt that leaves the box, <see cref="Restoring"/> around its sink, <see cref="Undo"/> after it:
/// the next attempt may stay on the box and sees the caller's own text. One thread at a time.
/// </summary>
public sealed class RedactionSession
{
    private readonly IReadOnlyList<ISensitiveValueDetector> _detectors;
    private readonly (int Start, int Length)[] _next;
    private readonly ArrayBufferWriter<byte> _scratch = new();
    private byte[] _unescaped = [];
    private readonly List<(int Index, TurnPart Original)> _replaced = [];
    private readonly List<(int Index, Utf8Slice Original)> _inputs = [];
    private Utf8Slice _endUser;
    private ReadOnlyMemory<byte> _body;
    private ApiShape _bodyShape;
    private bool _avoided;

    internal RedactionSession(IReadOnlyList<ISensitiveValueDetector> detectors)
    {
        _detectors = detectors;
        _next = new (int, int)[detectors.Count];
    }

    public Placeholders Placeholders { get; } = new();

    /// <summary>
    /// Replaces values in every part of every turn, in texts to embed and in the end user's name. The caller's own bytes (<see cref="ModelRequest.Body"/>) are put
    /// aside as well, since they still hold the values: the adapter builds the body anew.
    /// </summary>
    /// <returns>None, or why the request cannot leave the box.</returns>
    public ModelError Redact(ModelRequest request)
    {
        Undo(request);
        if (request.PromptTokens.Length > 0)
        {
            return new ModelError(ErrorCause.Refused, "Token ids cannot be searched for sensitive values; send text, or use a model on this box.", "input");
        }

        var parts = request.Turns.Parts;
        AvoidWritten(request, parts);
        (_body, _bodyShape) = (request.Body, request.BodyShape);
        (request.Body, request.BodyShape) = (default, ApiShape.None);
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            if (part.Kind != PartKind.Image && Replace(part.Text, request.Text) is { } text)
            {
                _replaced.Add((i, part));
                request.Turns.Replace(i, part with { Text = text });
            }
        }

        for (var i = 0; i < request.Inputs.Count; i++)
        {
            if (Replace(request.Inputs[i], request.Text) is { } text)
            {
                _inputs.Add((i, request.Inputs[i]));
                request.Inputs[i] = text;
            }
        }

        if (Replace(request.EndUser, request.Text) is { } user)
        {
            (_endUser, request.EndUser) = (request.EndUser, user);
        }

        return Placeholders.Count <= Placeholders.CountMax
            ? default
            : new ModelError(ErrorCause.Refused, $"The request holds more than {Placeholders.CountMax} sensitive values; send less data, or use a model on this box.");
    }

    /// <summary>Puts the caller's text back into the request. Harmless when nothing was replaced.</summary>
    public void Undo(ModelRequest request)
    {
        foreach (var (index, original) in _replaced)
        {
            request.Turns.Replace(index, original);
        }

        _replaced.Clear();
        foreach (var (index, original) in _inputs)
        {
            request.Inputs[index] = original;
        }

        _inputs.Clear();
        if (!_endUser.IsEmpty)
        {
            (request.EndUser, _endUser) = (_endUser, default);
        }

        if (!_body.IsEmpty)
        {
            (request.Body, request.BodyShape) = (_body, _bodyShape);
            _body = default;
        }
    }

    /// <summary>A sink that restores values on their way into <paramref name="inner"/>; one for each attempt.</summary>
    public IAnswerSink Restoring(IAnswerSink inner) => Placeholders.Count == 0 ? inner : new RestoringSink(Placeholders, inner);

    /// <summary>Redacts one text.</summary>
    public string Redact(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        return Write(utf8) ? Encoding.UTF8.GetString(_scratch.WrittenSpan) : text;
    }

    private void AvoidWritten(ModelRequest request, IReadOnlyList<TurnPart> parts)
    {
        if (_avoided)
        {
            return;
        }

        _avoided = true;
        for (var i = 0; i < parts.Count; i++)
        {
            Placeholders.Avoid(parts[i].Text);
        }

        foreach (var input in request.Inputs)
        {
            Placeholders.Avoid(input);
        }
    }

    private Utf8Slice? Replace(Utf8Slice text, Utf8Arena arena) => Write(text) ? arena.Copy(_scratch.WrittenSpan) : null;

    /// <summary>Writes the redacted text into the scratch buffer.</summary>
    /// <returns>False when there was nothing to redact.</returns>
    private bool Write(ReadOnlySpan<byte> text)
    {
        _scratch.ResetWrittenCount();
        var seen = BlankEscapes(text);
        for (var i = 0; i < _next.Length; i++)
        {
            _next[i] = _detectors[i].Find(seen, 0);
        }

        var done = 0;
        while (First(seen, done) is >= 0 and var first)
        {
            var (start, length) = _next[first];
            _scratch.Write(text[done..start]);
            Encoding.ASCII.GetBytes(Placeholders.For(_detectors[first].Kind, text.Slice(start, length)), _scratch);
            done = start + length;
        }

        if (done > 0)
        {
            _scratch.Write(text[done..]);
        }

        return done > 0;
    }

    /// <summary>
    /// The text as detectors see it: JSON's escapes are blanks, so that <c>\nbob@example.com</c> in tool arguments or a log line is the address of
    /// bob, and what is cut out never begins in the middle of an escape. Same length as the text.
    /// </summary>
    private ReadOnlySpan<byte> BlankEscapes(ReadOnlySpan<byte> text)
    {
        if (!text.Contains((byte)'\\'))
        {
            return text;
        }

        if (_unescaped.Length < text.Length)
        {
            _unescaped = new byte[text.Length];
        }

        var blanked = _unescaped.AsSpan(0, text.Length);
        text.CopyTo(blanked);
        for (var at = 0; blanked[at..].IndexOf((byte)'\\') is >= 0 and var found;)
        {
            at += found;
            var length = at + 1 < text.Length && text[at + 1] == 'u' ? 6 : 2;
            length = Math.Min(length, text.Length - at);
            blanked.Slice(at, length).Fill((byte)' ');
            at += length;
        }

        return blanked;
    }

    /// <summary>Which detector's value comes first (the longer one of two that begin together) at or after a place; -1 when none has any.</summary>
    private int First(ReadOnlySpan<byte> text, int from)
    {
        var first = -1;
        for (var i = 0; i < _next.Length; i++)
        {
            if (_next[i].Length > 0 && _next[i].Start < from)
            {
                _next[i] = _detectors[i].Find(text, from);
            }

            var (start, length) = _next[i];
            if (length > 0 && (first < 0 || start < _next[first].Start || (start == _next[first].Start && length > _next[first].Length)))
            {
                first = i;
            }
        }

        return first;
    }
}
