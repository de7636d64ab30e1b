using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Inference.Engine;

/// <summary>A model, or why there is none.</summary>
public readonly record struct LoadResult(LoadedModel? Model, ModelError Error)
{
    public bool Succeeded => Model is not null;
}

/// <summary>
/// The models of this box: which files there are, which are in memory. Loads on its own threads, so that a load delays no other model; calls for a
/// model that is being loaded wait for the same load. Any thread.
/// </summary>
public sealed class ModelHost : IDisposable
{
    private readonly ModelHostOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly FileUses _uses = new();
    private readonly Dictionary<string, Task<LoadResult>> _loading = new(StringComparer.Ordinal);
    private volatile LoadedModel[] _loaded = [];
    private bool _isDisposed;

    public ModelHost(ModelHostOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        Adapters = new AdapterTable(options.Adapters);
    }

    /// <summary>LoRA adapters by the names that requests may call; asked for, they stand for their base.</summary>
    public AdapterTable Adapters { get; }

    /// <summary>The models in memory.</summary>
    public IReadOnlyList<LoadedModel> Loaded => _loaded;

    /// <summary>Every model known, by name: configured paths, then the folder's files, and the adapters of those.</summary>
    public IReadOnlyList<ModelFile> List()
    {
        var files = Files();
        var models = files.Select(Describe).ToDictionary(file => file.Name, StringComparer.Ordinal);
        var adapters = Adapters.Files.Where(adapter => models.ContainsKey(adapter.Base))
            .Select(adapter => models[adapter.Base].With(adapter, Find(adapter.Base)?.AdapterOf(adapter.NameUtf8)));
        return [.. models.Values.Concat(adapters).OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <summary>A model in memory by its name, or by that of one of its adapters.</summary>
    public LoadedModel? Find(ReadOnlySpan<byte> name)
    {
        var wanted = Adapters.Find(name) is { } adapter ? adapter.BaseUtf8 : name;
        foreach (var model in _loaded)
        {
            if (wanted.SequenceEqual(model.NameUtf8))
            {
                return model;
            }
        }

        return null;
    }

    public LoadedModel? Find(string name)
    {
        var wanted = Adapters.BaseOf(name);
        return Array.Find(_loaded, model => model.Name == wanted);
    }

    /// <summary>A file of this name could be loaded, is being, or is loaded.</summary>
    public bool Knows(string name) => Find(name) is not null || Files().ContainsKey(Adapters.BaseOf(name));

    /// <summary>The model, loaded now if it is not. Cancelling stops the waiting, not the load.</summary>
    public async ValueTask<LoadResult> LoadAsync(string name, CancellationToken cancel = default)
    {
        if (Find(name) is { } loaded)
        {
            return WithAdapter(loaded, name);
        }

        try
        {
            var result = await StartLoading(Adapters.BaseOf(name)).WaitAsync(cancel);
            return result.Model is { } model ? WithAdapter(model, name) : result;
        }
        catch (OperationCanceledException)
        {
            return Failed(ErrorCause.Cancelled, $"The caller stopped waiting while {name} was being loaded.");
        }
    }

    /// <summary>Takes a model out of memory; its calls under way end as draining. False when it is not loaded.</summary>
    public bool Unload(string name)
    {
        LoadedModel? model;
        lock (_gate)
        {
            model = Find(name);
            _loaded = [.. _loaded.Where(other => other != model)];
        }

        model?.Dispose();
        return model is not null;
    }

    /// <summary>Unloads everything. A load still under way unloads itself when it is done.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        foreach (var model in _loaded)
        {
            _ = Unload(model.Name);
        }
    }

    private Task<LoadResult> StartLoading(string name)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return Task.FromResult(Failed(ErrorCause.Draining, "The engine is stopping."));
            }

            if (Find(name) is { } loaded)
            {
                return Task.FromResult(new LoadResult(loaded, default));
            }

            if (!_loading.TryGetValue(name, out var load))
            {
                load = Task.Factory.StartNew(() => Load(name), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                _loading.Add(name, load);
            }

            return load;
        }
    }

    private LoadResult Load(string name)
    {
        var result = TryLoad(name);
        lock (_gate)
        {
            _ = _loading.Remove(name);
            if (result.Model is not null && !_isDisposed)
            {
                _loaded = [.. _loaded, result.Model];
                return result;
            }
        }

        result.Model?.Dispose();
        return result.Model is null ? result : Failed(ErrorCause.Draining, "The engine is stopping.");
    }

    private LoadResult TryLoad(string name)
    {
        if (!Files().TryGetValue(name, out var file))
        {
            var known = Files().Keys.Order(StringComparer.Ordinal).Take(10);
            return Failed(ErrorCause.ModelNotFound, $"There is no model \"{name}\" on this box; known are: {string.Join(", ", known)}. Add one with: jesus models add FILE");
        }

        try
        {
            return new LoadResult(ModelLoader.Load(name, file, Adapters, _options, _time), default);
        }
        catch (Exception error) when (error is GgufException or BackendException or IOException or UnauthorizedAccessException)
        {
            return Failed(ErrorCause.Internal, $"{name} cannot be loaded: {error.Message}");
        }
    }

    private ModelFile Describe(KeyValuePair<string, ModelPath> file)
    {
        var loaded = Find(file.Key);
        var info = new FileInfo(file.Value.Path);
        var uses = loaded?.Uses ?? _uses.Of(info);
        lock (_gate)
        {
            var state = loaded is not null ? ModelState.Loaded : _loading.ContainsKey(file.Key) ? ModelState.Loading : ModelState.OnDisk;
            return new ModelFile(file.Key, file.Value.Path, info.Exists ? info.Length : 0, state, loaded?.Sha256 ?? file.Value.Sha256, loaded?.Engine.ContextTokens ?? 0, uses);
        }
    }

    private Dictionary<string, ModelPath> Files()
    {
        var files = new Dictionary<string, ModelPath>(StringComparer.Ordinal);
        if (_options.ModelsFolder is { } folder && Directory.Exists(folder))
        {
            foreach (var path in Directory.EnumerateFiles(folder, "*.gguf").Where(path => !Adapters.HasFile(path)))
            {
                files[Path.GetFileNameWithoutExtension(path)] = new ModelPath(path);
            }
        }

        foreach (var (name, path) in _options.Paths)
        {
            files[name] = path;
        }

        return files;
    }

    /// <summary>The model, unless the name is that of an adapter that could not be loaded with it.</summary>
    private LoadResult WithAdapter(LoadedModel model, string name) => Adapters.Find(name) is { } adapter && model.AdapterOf(adapter.NameUtf8) is { Problem.IsNone: false } failed
        ? new LoadResult(null, failed.Problem)
        : new LoadResult(model, default);

    private static LoadResult Failed(ErrorCause cause, string message) => new(null, new ModelError(cause, message));
}
