namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// A model file that cannot be used, in words: file, byte offset, field, what is wrong. Expected at the edge where files come in
/// (the model host turns it into a value); never thrown once a model has loaded.
/// </summary>
public sealed class GgufException : Exception
{
    public GgufException(string file, long offset, string field, string problem)
        : base($"{file}: at byte {offset}, {field}: {problem}")
    {
        File = file;
        Offset = offset;
        Field = field;
        Problem = problem;
    }

    public string File { get; }

    /// <summary>Bytes from the start of the file.</summary>
    public long Offset { get; }

    /// <summary>The header field, metadata key or tensor at fault.</summary>
    public string Field { get; }
    public string Problem { get; }
}
