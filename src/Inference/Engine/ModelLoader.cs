using System.Security.Cryptography;
using System.Text;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
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

    /// <summary>Positions that must fit at least: less is no use for a conversation.</summary>
    private const int PositionsMin = 512;

    /// <summary>Working memory beside weights and KV: rows of the largest batch, logits, the vocabulary's tables.</summary>
    private const long WorkBytes = 64L << 20;

    private const string TemplateKey = "tokenizer.chat_template";
    private const string SpacingKey = "jesus.chat_template.json_spacing";

    public static LoadedModel Load(string name, ModelPath file, AdapterTable table, ModelHostOptions options, TimeProvider time)
    {
        var source = new FileByteSource(file.Path);
        var gguf = GgufFile.Open(source, file.Path);
        try
        {
            var written = source.WrittenAtTicks;
            var hash = HashNow(file, source);
            var tokenizer = TokenizerLoader.Load(gguf.Metadata);
            var prompts = PromptsOf(name, gguf.Metadata, tokenizer, time, out var templateHash);
            var graph = ArchitectureReaders.Read(gguf);
            var vectors = VectorModel.Read(name, gguf, graph, tokenizer);
            using var adapters = AdapterFiles.Open(name, graph, table);
            var backend = LoadBackend(gguf, graph with { Adapters = adapters.Graphs }, name, tokenizer, options);
            if (source.WrittenAtTicks != written)
            {
                backend.Dispose();
                throw new GgufException(file.Path, 0, "the file", "was written to while it was loaded; load it again when it is whole.");
            }

            CheckAdapters(adapters, backend);
            var engine = new InferenceEngine(name, backend, tokenizer, options.Batch with { StepRowsMax = backend.Info.BatchRowsMax }, time);
            var model = new LoadedModel(name, file.Path, backend, tokenizer, prompts, templateHash, engine, vectors) { Adapters = adapters.Adapters };
            if (hash is not null)
            {
                model.SetHash(hash);
                return model;
            }

            // The very file that was read, kept open: another may lie under its name by then.
            var kept = gguf;
            gguf = null;
            _ = Task.Run(() => HashLater(model, kept, source, written));
            return model;
        }
        finally
        {
            gguf?.Dispose();
        }
    }

    /// <summary>The file's hash where it is cheap or must be compared; null where it may come later.</summary>
    private static byte[]? HashNow(ModelPath file, FileByteSource source)
    {
        if (file.Sha256 is null && source.Length > HashFirstBytes)
        {
            return null;
        }

        var hash = FileHash.Of(source);
        var text = Convert.ToHexStringLower(hash);
        return file.Sha256 is null || text.Equals(file.Sha256, StringComparison.OrdinalIgnoreCase)
            ? hash
            : throw new GgufException(file.Path, 0, "sha256", $"is {text}, but {file.Sha256} was expected: the file is damaged or another one.");
    }

    private static void HashLater(LoadedModel model, GgufFile file, FileByteSource source, long written)
    {
        using (file)
        {
            try
            {
                var hash = FileHash.Of(source);
                if (source.WrittenAtTicks == written)
                {
                    model.SetHash(hash);
                }
            }
            catch (IOException)
            {
                // Unreadable now: the profile stays unknown, which is what unknown means.
            }
        }
    }

    private static void CheckAdapters(AdapterFiles adapters, IBackend backend)
    {
        try
        {
            adapters.CheckUnchanged();
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    private static IBackend LoadBackend(GgufFile gguf, ModelGraph model, string name, Tokenizer tokenizer, ModelHostOptions options)
    {
        if (model.Shape.Vocabulary < tokenizer.Vocabulary.Count)
        {
            throw gguf.Metadata.Error("tokenizer.ggml.tokens",
                $"has {tokenizer.Vocabulary.Count} entries, but the token embedding has {model.Shape.Vocabulary} rows.");
        }

        var (blocks, rows) = RoomFor(gguf, name, model, options);
        return options.UseReferenceBackend
            ? new ReferenceBackend(gguf, model, Math.Max(1, blocks), rows)
            : NativeBackend.Load(gguf, model, new BackendOptions
            {
                Threads = options.Threads,
                BatchRowsMax = rows,
                KvBlocks = blocks,
                KvType = options.KvType,
                Isa = options.Isa,
            });
    }

    /// <summary>KV blocks for what the weights leave of the memory, or an encoder's rows; refused with the numbers when that is too little.</summary>
    private static (int KvBlocks, int Rows) RoomFor(GgufFile gguf, string name, ModelGraph model, ModelHostOptions options)
    {
        var weights = gguf.Tensors.Sum(tensor => tensor.ByteLength) + model.Adapters.Sum(adapter => adapter.Bytes);
        var work = model.Shape.IsCausal ? WorkBytes : EmbeddingLimits.EncoderRowsMin * EmbeddingLimits.RowBytes(model.Shape);
        var available = options.MemoryBytesMax > 0 ? Math.Min(options.MemoryBytesMax, MemoryProbe.AvailableBytes()) : MemoryProbe.AvailableBytes();
        var left = available - weights - work;
        if (left < 0)
        {
            throw new BackendException(
                $"{name} needs {weights:N0} bytes for its weights{WithAdapters(model)} and {work:N0} to work, but {available:N0} are available: "
                    + "unload a model, raise the engine's memory cap, or choose a smaller model.");
        }

        if (!model.Shape.IsCausal)
        {
            return (0, EmbeddingLimits.EncoderRows(model.Shape, left + work));
        }

        return KvBudget.TryCount(model.Shape, options.KvType, Math.Min(left, options.KvBytesMax), options.Batch.SequencesMax, PositionsMin, out var blocks, out var problem)
            ? (blocks, options.Batch.StepRowsMax)
            : throw new BackendException($"{name}: of {available:N0} bytes available the weights{WithAdapters(model)} take {weights:N0}, and {problem}");
    }

    private static string WithAdapters(ModelGraph model) => model.Adapters.Count == 0 ? "" : $" and {model.Adapters.Count} adapters";

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
}
