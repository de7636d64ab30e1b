using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Tools;

/// <summary>What the command line's <c>models</c> verbs do with one file, no daemon needed. Expected failures are values.</summary>
public static class ModelTools
{
    /// <summary>Reads and checks the file; says in words why it could not be run here, if so.</summary>
    public static ToolResult<ModelInspection> Inspect(string path) => Try(path, () =>
    {
        using var file = GgufFile.Open(path);
        return ModelInspection.Of(file);
    });

    /// <summary>SHA-256 of the file, or of all parts of a model in several; 64 hexadecimal digits.</summary>
    public static ToolResult<string> Hash(string path) => Try(path, () => FileHash.OfFile(path));

    /// <summary>SHA-256 of files one behind the other, whatever they are called.</summary>
    public static ToolResult<string> Hash(string[] paths) => Try(paths[0], () => FileHash.OfFiles(paths));

    /// <param name="parseSpecial">Take control tokens written in the text as such.</param>
    /// <param name="addBegin">Put the begin-of-text token first where the model wants one.</param>
    public static ToolResult<int[]> Tokenize(string path, string text, bool parseSpecial = false, bool addBegin = true) => Try(path, () =>
    {
        using var file = GgufFile.Open(path);
        var tokenizer = TokenizerLoader.Load(file.Metadata);
        var ids = new TokenBuffer();
        var utf8 = Encoding.UTF8.GetBytes(text);
        if (addBegin)
        {
            ReadOnlySpan<TrustedRange> all = [new TrustedRange(0, utf8.Length)];
            tokenizer.EncodePrompt(utf8, parseSpecial ? all : default, ids);
        }
        else
        {
            tokenizer.Encode(utf8, parseSpecial, ids);
        }

        return ids.Span.ToArray();
    });

    /// <summary>The text of the tokens, control tokens left out.</summary>
    public static ToolResult<string> Detokenize(string path, ReadOnlyMemory<int> ids) => Try(path, () =>
    {
        using var file = GgufFile.Open(path);
        var tokenizer = TokenizerLoader.Load(file.Metadata);
        CheckIds(path, ids.Span, tokenizer.Vocabulary.Count);
        return Encoding.UTF8.GetString(tokenizer.Decode(ids.Span));
    });

    /// <summary>The logits after the last token, or after each.</summary>
    /// <param name="threads">0 for one a core.</param>
    /// <returns>One row a position, one float a token of the vocabulary.</returns>
    public static ToolResult<float[][]> Logits(string path, ReadOnlyMemory<int> ids, bool all = false, int threads = 0) => Try(path, () =>
    {
        using var file = GgufFile.Open(path);
        var model = ArchitectureReaders.Read(file);
        CheckIds(path, ids.Span, model.Shape.Vocabulary);
        CheckLength(path, ids.Length, model.Shape.Context);
        using var runner = new BareRunner(file, model, ids.Length, threads, Isa.Auto);
        return runner.Logits(ids.Span, all);
    });

    /// <summary>Speed of reading a prompt and of generating, on random tokens; medians of the repeats.</summary>
    /// <param name="threads">0 for one a core.</param>
    public static ToolResult<ModelBench> Bench(string path, int promptTokens = 512, int generateTokens = 128, int threads = 0, int repeat = 3) => Try(path, () =>
    {
        CheckCounts(path, promptTokens, generateTokens, repeat);
        using var file = GgufFile.Open(path);
        var model = ArchitectureReaders.Read(file);
        CheckLength(path, promptTokens + generateTokens, model.Shape.Context);
        using var runner = new BareRunner(file, model, promptTokens + generateTokens, threads, Isa.Auto);
        return ModelBench.Measure(runner, promptTokens, generateTokens, repeat);
    });

    private static ToolResult<T> Try<T>(string path, Func<T> work)
        where T : class
    {
        try
        {
            return new ToolResult<T>(work(), default);
        }
        catch (Exception error) when (error is GgufException or BackendException)
        {
            return Failed<T>(ErrorCause.Malformed, error.Message);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return Failed<T>(ErrorCause.ModelNotFound, $"There is no file {path}.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Failed<T>(ErrorCause.Internal, $"{path} cannot be read: {error.Message}");
        }
    }

    private static ToolResult<T> Failed<T>(ErrorCause cause, string message)
        where T : class =>
        new(null, new ModelError(cause, message));

    private static void CheckIds(string path, ReadOnlySpan<int> ids, int vocabulary)
    {
        foreach (var id in ids)
        {
            if ((uint)id >= (uint)vocabulary)
            {
                throw new GgufException(path, 0, "ids", $"{id} is outside the vocabulary of {vocabulary} tokens.");
            }
        }
    }

    private static void CheckLength(string path, int tokens, int context)
    {
        if (tokens < 1 || tokens > context)
        {
            throw new GgufException(path, 0, "length", $"{tokens} tokens were asked for; the model's context holds 1 to {context}.");
        }
    }

    private static void CheckCounts(string path, int prompt, int generate, int repeat)
    {
        if (prompt < 1 || generate < 1 || repeat is < 1 or > 1000)
        {
            throw new GgufException(path, 0, "counts", "prompt and generate are 1 or more tokens, repeat is 1 to 1000.");
        }
    }
}

/// <summary>A value, or why there is none.</summary>
public readonly record struct ToolResult<T>(T? Value, ModelError Error)
    where T : class
{
    public bool Succeeded => Error.IsNone;
}
