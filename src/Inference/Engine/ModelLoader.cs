using System.Security.Cryptography;
using System.Text;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Lora;
using Jesus.Inference.Engine.Templates;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Engine.ToolCalls;

namespace Jesus.Inference.Engine;

/// <summary>Makes a <see cref="LoadedModel"/> of a file. Throws what <see cref="ModelHost"/> turns into a value.</summary>
internal static class ModelLoader
{
    /// <summary>Files up to this size are hashed before they answer (30 ms); larger ones beside their first answers.</summary>
    private const long HashFirstBytes = 64L << 20;

    private const string TemplateKey = "tokenizer.chat_template";
    private const string SpacingKey = "jesus.chat_template.json_spacing";

    public static LoadedModel Load(string name, ModelPath file, AdapterTable table, LoadRooms rooms)
    {
        var source = ModelSource.Open(file.Path);
        var gguf = GgufFile.Open(source, file.Path);
        try
        {
            var stamp = source.Stamp;
            var written = source.WrittenAt;
            var hash = HashNow(file, source, stamp, rooms.Hashes);
            var tokenizer = LowPriority.Get("reading a vocabulary", () => TokenizerLoader.Load(gguf.Metadata));
            var prompts = PromptsOf(name, gguf.Metadata, tokenizer, rooms.Time, out var templateHash);
            var graph = ArchitectureReaders.Read(gguf);
            var vectors = VectorModel.Read(name, gguf, graph, tokenizer);
            using var adapters = AdapterFiles.Open(name, graph, table);
            using var draft = DraftFile.Open(name, tokenizer, rooms.Options);
            var backends = LoadBackends(gguf, graph with { Adapters = adapters.Graphs }, draft, tokenizer, rooms, out var memory);
            try
            {
                if (source.WrittenAt != written)
                {
                    throw new GgufException(file.Path, 0, "the file", "was written to while it was loaded; load it again when it is whole.");
                }

                adapters.CheckUnchanged();
                draft?.CheckUnchanged();
            }
            catch
            {
                backends.Dispose();
                throw;
            }

            var backend = backends.Model;
            var limits = rooms.Options.Batch with { StepRowsMax = backend.Info.BatchRowsMax };
            var engine = new InferenceEngine(name, backend, tokenizer, limits, rooms.Time, rooms.Cores, backends.Draft);
            var model = LowPriority.Get("indexing a vocabulary", () => new LoadedModel(name, file.Path, backend, tokenizer, prompts, templateHash, engine, vectors)
            {
                MemoryBytes = memory,
                Draft = backends.Draft,
                Adapters = adapters.Adapters,
            });
            var hashes = new LateHash(file.Path, source, stamp, written, templateHash, rooms.Hashes);
            if (hash is not null)
            {
                model.SetHash(hash);
                hashes.Keep(hash);
                return model;
            }

            // The very file that was read, kept open: another may lie under its name by then.
            hashes.Begin(gguf, model);
            gguf = null;
            return model;
        }
        finally
        {
            gguf?.Dispose();
        }
    }

    /// <summary>The file's hash where it is known, cheap, or must be compared; null where it may come later. A hash that was asked for is always computed.</summary>
    private static byte[]? HashNow(ModelPath file, ModelSource source, FileStamp? stamp, HashCache hashes)
    {
        if (file.Sha256 is null && stamp is { } known && hashes.TryGet(file.Path, known, out var facts))
        {
            return facts.Sha256.ToArray();
        }

        if (file.Sha256 is null && source.Length > HashFirstBytes)
        {
            return null;
        }

        var hash = LowPriority.Get("hashing", () => FileHash.Of(source));
        var text = Convert.ToHexStringLower(hash);
        return file.Sha256 is null || text.Equals(file.Sha256, StringComparison.OrdinalIgnoreCase)
            ? hash
            : throw new GgufException(file.Path, 0, "sha256", $"is {text}, but {file.Sha256} was expected: the file is damaged or another one.");
    }

    private static Backends LoadBackends(GgufFile gguf, ModelGraph model, DraftFile? draft, Tokenizer tokenizer, LoadRooms rooms, out long memory)
    {
        if (model.Shape.Vocabulary < tokenizer.Vocabulary.Count)
        {
            throw gguf.Metadata.Error("tokenizer.ggml.tokens",
                $"has {tokenizer.Vocabulary.Count} entries, but the token embedding has {model.Shape.Vocabulary} rows.");
        }

        var options = rooms.Options;
        var need = MemoryNeed.Of(gguf, model, options);
        need = draft is null ? need : draft.AddTo(need, model.Shape.Context, options);
        var granted = rooms.Reserve(need);
        var (blocks, rows) = RoomFor(model, options, granted - need.Weights, need.Work);
        var backend = LoadBackend(gguf, model, blocks, rows, rooms);
        try
        {
            var work = model.Shape.IsCausal ? need.Work : rows * EmbeddingLimits.RowBytes(model.Shape);
            var backends = new Backends(backend, draft?.Load(model.Shape.Context, rooms));
            memory = backend.Info.WeightBytes + backend.Info.AdapterBytes + (backends.Draft?.Info.WeightBytes ?? 0) + work + backend.Info.KvBlocks * backend.Info.KvBlockBytes;
            return backends;
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    private static IBackend LoadBackend(GgufFile gguf, ModelGraph model, int blocks, int rows, LoadRooms rooms) => rooms.Options.UseReferenceBackend
        ? new ReferenceBackend(gguf, model, Math.Max(1, blocks), rows)
        : NativeBackend.Load(gguf, model, new BackendOptions
        {
            Threads = rooms.Options.Threads,
            BatchRowsMax = rows,
            KvBlocks = blocks,
            KvType = rooms.Options.KvType,
            Isa = rooms.Options.Isa,
            Loaded = rooms.Touched,
        });

    /// <summary>KV blocks, or an encoder's rows, for what the weights leave of the memory.</summary>
    private static (int KvBlocks, int Rows) RoomFor(ModelGraph model, ModelHostOptions options, long bytes, long work)
    {
        if (!model.Shape.IsCausal)
        {
            return (0, EmbeddingLimits.EncoderRows(model.Shape, bytes));
        }

        return KvBudget.TryCount(model.Shape, options.KvType, bytes - work, options.Batch.SequencesMax, MemoryNeed.PositionsMin, out var blocks, out var problem)
            ? (blocks, options.Batch.StepRowsMax)
            : throw new BackendException(problem);
    }

    private static PromptRenderer PromptsOf(string name, GgufMetadata metadata, Tokenizer tokenizer, TimeProvider time, out ulong templateHash)
    {
        templateHash = 0;
        if (metadata.OptionalString(TemplateKey) is not { } source)
        {
            return new PromptRenderer(name, tokenizer, null, default, AnswerForm.Of(tokenizer.Vocabulary, ""), time);
        }

        templateHash = FileHash.Prefix(SHA256.HashData(Encoding.UTF8.GetBytes(source)));
        var form = AnswerForm.Of(tokenizer.Vocabulary, source);
        return ChatTemplate.TryCompile(source, SpacingOf(metadata), out var template, out var error)
            ? new PromptRenderer(name, tokenizer, template, default, form, time)
            : new PromptRenderer(name, tokenizer, null, error with { Message = $"{name}'s chat template cannot be used: {error.Message}" }, form, time);
    }

    /// <summary>
    /// How the template's <c>tojson</c> spaces: as Transformers does, unless the file says <c>compact</c>. The demonstration model was trained on
    /// compact JSON throughout.
    /// </summary>
    private static JsonSpacing SpacingOf(GgufMetadata metadata) => (metadata.OptionalString(SpacingKey) ?? metadata.OptionalString("general.name")) switch
    {
        "compact" or "jesus-nano" => JsonSpacing.Compact,
        _ => JsonSpacing.Spaced,
    };

    /// <summary>A model's arithmetic, and its draft model's where it has one.</summary>
    private readonly record struct Backends(IBackend Model, IBackend? Draft)
    {
        public void Dispose()
        {
            Model.Dispose();
            Draft?.Dispose();
        }
    }
}
