using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// How a model in memory embeds and ranks: texts to tokens before the engine, pooled states to vectors and scores after it, both on the caller's thread. Any thread.
/// </summary>
internal sealed class VectorModel
{
    private readonly Stack<EmbeddingCall> _spare = [];
    private readonly Tokenizer _tokenizer;
    private readonly RankHead? _head;
    private readonly RankPrompt? _prompt;

    [ThreadStatic]
    private static float[]? s_scratch;

    private VectorModel(string name, EmbeddingProfile profile, Tokenizer tokenizer, RankHead? head, RankPrompt? prompt)
    {
        (Name, Profile) = (name, profile);
        (_tokenizer, _head, _prompt) = (tokenizer, head, prompt);
    }

    public string Name { get; }
    public EmbeddingProfile Profile { get; }

    /// <exception cref="GgufException">A head of a wrong shape, or without what it needs.</exception>
    public static VectorModel Read(string name, GgufFile file, ModelGraph model, Tokenizer tokenizer)
    {
        var profile = EmbeddingProfile.Of(file, model);
        var head = RankHead.Load(file, model.Shape);
        var template = file.Metadata.OptionalString(RankPrompt.Key);
        if (head is not null && model.Shape.IsCausal && template is null)
        {
            throw file.Metadata.Error(RankPrompt.Key, "is missing: a decoder that ranks needs its prompt for a query and a document. Convert the file again, with it.");
        }

        return new VectorModel(name, profile, tokenizer, head, head is not null && template is not null ? new RankPrompt(template) : null);
    }

    /// <summary>Appends the tokens of all texts, or says what of the request this model cannot do.</summary>
    public ModelError Read(ModelRequest request, EmbeddingCall into)
    {
        if (Profile.Refuse(request.Operation, Name) is { IsNone: false } refused)
        {
            return refused;
        }

        if (request.EmbedDimensions > Profile.Width)
        {
            return new ModelError(ErrorCause.UnsupportedField,
                $"{request.EmbedDimensions} dimensions were asked for; {Name}'s vectors have {Profile.Width}. Ask for at most as many.", "dimensions");
        }

        return request.Operation == ModelOperation.Rerank ? ReadPairs(request, into) : ReadTexts(request, into);
    }

    /// <summary>The answer to one text: its vector, or its pair's score.</summary>
    public ReadOnlyMemory<float> Finish(EmbeddingCall call, int text, int dimensions)
    {
        if (_head is not null)
        {
            var scratch = s_scratch is { } kept && kept.Length >= Profile.Width ? kept : s_scratch = new float[Profile.Width];
            call.Vector(text)[0] = _head.Score(call.Vector(text), scratch);
            return call.VectorMemory(text, 1);
        }

        var width = dimensions > 0 ? dimensions : Profile.Width;
        VectorMath.Normalise(call.Vector(text)[..width]);
        return call.VectorMemory(text, width);
    }

    public EmbeddingCall Rent()
    {
        lock (_spare)
        {
            return _spare.Count > 0 ? _spare.Pop() : new EmbeddingCall();
        }
    }

    /// <summary>Takes a call back that is complete, or was never submitted.</summary>
    public void Return(EmbeddingCall call)
    {
        call.Reset();
        lock (_spare)
        {
            if (_spare.Count < EmbeddingLimits.SpareCallsMax)
            {
                _spare.Push(call);
            }
        }
    }

    private ModelError ReadTexts(ModelRequest request, EmbeddingCall into)
    {
        foreach (var text in request.Inputs)
        {
            _tokenizer.EncodeDocument(text.Span, into.Tokens);
            into.EndText();
        }

        var ids = request.PromptTokens.Span;
        foreach (var length in request.PromptLengths)
        {
            if (length < 0 || length > ids.Length)
            {
                return new ModelError(ErrorCause.UnsupportedField, $"A text of {length} token ids was announced where {ids.Length} were left.", "input");
            }

            into.Tokens.Add(ids[..length]);
            into.EndText();
            ids = ids[length..];
        }

        return default;
    }

    private ModelError ReadPairs(ModelRequest request, EmbeddingCall into)
    {
        if (request.Turns.Count != 1 || request.Turns[0].PartCount == 0)
        {
            return new ModelError(ErrorCause.UnsupportedField, "Reranking needs one query.", "query");
        }

        var query = request.Turns.PartsOf(0)[0].Text;
        foreach (var document in request.Inputs)
        {
            if (_prompt is not null)
            {
                _prompt.Encode(_tokenizer, query.Span, document.Span, into.Tokens);
                into.EndText();
            }
            else
            {
                into.EndText(_tokenizer.EncodePair(query.Span, document.Span, into.Tokens));
            }
        }

        return default;
    }
}
