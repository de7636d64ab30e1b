using System.Security.Cryptography;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Lora;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Transport.Sockets;

namespace Jesus.Inference.Adapters.Local;

/// <summary>
/// The box's own models. A model that is not in memory is loaded by the first call that names it. Prompts are rendered and constraints compiled on the
/// caller's thread; the engine's thread only computes.
/// </summary>
public sealed class LocalAdapter(ModelHost host, TimeProvider time, PrefixNamer? namer = null) : IModelAdapter
{
    public const string Kind = "local";

    [ThreadStatic]
    private static TokenBuffer? s_counting;

    private readonly LocalVectors _vectors = new(time);

    public AdapterId Id { get; } = new(Kind, Kind);

    public CapacitySnapshot Capacity(ModelKey model) => host.Find(model.Name) is { } loaded
        ? loaded.Engine.Capacity() with { Numerics = loaded.NumericsOf(model.Name) }
        : new CapacitySnapshot
        {
            Available = host.Knows(model.Name),
            FreeSlots = 1,
            TotalSlots = 1,
            Numerics = host.NumericsOf(model.Name),
            AsOf = time.GetTimestamp(),
        };

    public bool Forwards(ApiShape shape) => false;

    /// <summary>Exact for a model in memory. Before that, or when the prompt cannot be rendered, the text's bytes: no tokenizer makes more tokens than bytes.</summary>
    public int CountInputTokens(ModelRequest request)
    {
        var buffer = s_counting ??= new TokenBuffer(4096);
        buffer.Clear();
        if (request.Operation is ModelOperation.Embed or ModelOperation.Rerank)
        {
            return host.Find(request.Model.Span) is { } vectors ? LocalVectors.CountTokens(vectors, request) : RequestBound.Tokens(request);
        }

        return host.Find(request.Model.Span) is { } model && model.Prompts.Render(request, buffer).IsNone
            ? buffer.Count + request.ShownTokens.Length
            : RequestBound.Tokens(request);
    }

    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        // Rendering a prompt and compiling a schema take their time, and sockets wait for none of it.
        await LoopExit.Leave();
        if (!host.TryRent(request.Model.Span, out var lease))
        {
            lease = await host.RentAsync(request.Model.ToString(), cancel);
        }

        // Nobody unloads the model from under the call.
        using var held = lease;
        if (lease.Model is not { } model)
        {
            return new CallResult { Error = lease.Error, Reason = FinishReason.Error };
        }

        return request.Operation switch
        {
            ModelOperation.Generate => await GenerateAsync(model, request, sink, cancel),
            ModelOperation.CountTokens => new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = CountInputTokens(request) } },
            _ when model.AdapterOf(request.Model.Span) is { } adapter => CallResult.Failed(
                ErrorCause.UnsupportedField, $"{adapter.Name} is an adapter, and adapters write text alone: ask {model.Name} for {request.Operation}.", "model"),
            _ => await _vectors.CallAsync(model, request, sink, cancel),
        };
    }

    private async ValueTask<CallResult> GenerateAsync(LoadedModel model, ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var generation = model.Rent();
        var adapter = model.AdapterOf(request.Model.Span);
        var error = Fill(generation, model, adapter, request);
        Name(generation, model.Name, request);
        error = error.IsNone ? model.Engine.Submit(generation) : error;
        if (!error.IsNone)
        {
            model.Return(generation);
            return new CallResult { Error = error, Reason = FinishReason.Error };
        }

        var started = time.GetTimestamp();
        var hold = request.Hold;
        hold?.Attach(generation);
        try
        {
            await ReadAsync(model, generation, sink, cancel);
        }
        finally
        {
            hold?.Detach();
            await EndAsync(model, generation);
        }

        model.Engine.Observe(time.GetElapsedTime(started));
        var result = ResultOf(model, adapter, generation);
        model.Return(generation);
        return result;
    }

    private void Name(Generation generation, string model, ModelRequest request)
    {
        Span<PrefixName> names = stackalloc PrefixName[WarmPrefixes.NamesMax];
        generation.PrefixNames.AddRange(names[..(namer?.Invoke(model, request, names) ?? 0)]);
    }

    private static async ValueTask ReadAsync(LoadedModel model, Generation generation, IAnswerSink sink, CancellationToken cancel)
    {
        var state = (model.Engine, generation);
        await using var registration = cancel.UnsafeRegister(static state =>
        {
            var (engine, generation) = ((InferenceEngine, Generation))state!;
            engine.Cancel(generation);
        }, state);
        while (await generation.Answer.WaitAsync())
        {
            var page = generation.Answer.Take();
            for (var i = 0; i < page.EventCount && !cancel.IsCancellationRequested; i++)
            {
                await sink.WriteAsync(page[i]);
            }
        }
    }

    /// <summary>Whatever happened to the reader, the generation is ours again only when the engine has let go of it.</summary>
    private static async ValueTask EndAsync(LoadedModel model, Generation generation)
    {
        while (!generation.Answer.IsDrained)
        {
            model.Engine.Cancel(generation);
            if (await generation.Answer.WaitAsync())
            {
                _ = generation.Answer.Take();
            }
        }
    }

    private static ModelError Fill(Generation generation, LoadedModel model, LoadedAdapter? adapter, ModelRequest request)
    {
        if (model.Vectors.Profile.Refuse(ModelOperation.Generate, model.Name) is { IsNone: false } writesNothing)
        {
            return writesNothing;
        }

        if (WhyUnsupported(request) is { IsNone: false } unsupported)
        {
            return unsupported;
        }

        if (adapter is not null)
        {
            if (!adapter.Problem.IsNone)
            {
                return adapter.Problem;
            }

            (generation.Adapter, generation.KvSalt) = (adapter.Index, adapter.Salt);
        }

        if (!request.ShownNumerics.IsUnknown && request.ShownNumerics != model.NumericsOf(adapter))
        {
            return new ModelError(ErrorCause.ModelNotFound,
                $"The answer was begun by another file or another arithmetic than '{adapter?.Name ?? model.Name}' has here; it cannot go on exactly.");
        }

        if (model.Prompts.Render(request, generation.Prompt, out var inReasoning) is { IsNone: false } unrendered)
        {
            return unrendered;
        }

        generation.Prompt.Add(request.ShownTokens.Span);
        generation.ShownCount = request.ShownTokens.Length;
        generation.OutputTokensMax = request.MaxOutputTokens;
        generation.Choices = request.Choices;
        generation.Sampling = request.Sampling;
        generation.Seed = request.Sampling.Seed ?? request.CallSeed ?? RandomSeed();
        generation.WantsLogProbs = request.TopLogProbs >= 0;
        generation.TopLogProbs = Math.Max(0, request.TopLogProbs);
        generation.LogitBias.AddRange(request.LogitBias);
        generation.Stops.AddRange(request.Stops);
        generation.ParsesCalls = request.Tools.Count > 0 && request.ToolChoice.Mode != ToolChoiceMode.None;
        generation.Form = model.Prompts.Form;
        generation.InReasoning = inReasoning;
        generation.Deadline = request.Deadline;
        generation.Priority = request.Priority;
        _ = AnswerGrammar.TryCompile(model.Constraints, request, model.Prompts.Form, inReasoning, out var compiled, out var error);
        generation.Constraint = compiled;
        return error;
    }

    private static ModelError WhyUnsupported(ModelRequest request)
    {
        if (request.VerbatimOnly.Length > 0)
        {
            return new ModelError(
                ErrorCause.UnsupportedField, $"'{request.VerbatimOnly}' is not honoured by local models; leave it out, or choose a provider's model.", request.VerbatimOnly);
        }

        for (var i = 0; i < request.Turns.Parts.Count; i++)
        {
            if (request.Turns.Parts[i].Kind == PartKind.Image)
            {
                return new ModelError(ErrorCause.UnsupportedField, "Local models read no images; send text, or choose a provider's model.", "messages");
            }
        }

        return default;
    }

    private CallResult ResultOf(LoadedModel model, LoadedAdapter? adapter, Generation generation) => new()
    {
        Error = generation.Error,
        Reason = generation.Reason,
        Numerics = model.NumericsOf(adapter),
        Usage = new Usage
        {
            InputTokens = generation.Prompt.Count,
            CachedInputTokens = generation.CachedTokens,
            OutputTokens = generation.OutputTokens,
            ReasoningTokens = generation.ReasoningTokens,
            ComputeMicroseconds = (long)(generation.ComputeTicks * 1e6 / time.TimestampFrequency),
        },
    };

    private static ulong RandomSeed()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }
}
