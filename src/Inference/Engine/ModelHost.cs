using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Inference.Engine;

/// <summary>A model, or why there is none.</summary>
public readonly record struct LoadResult(LoadedModel? Model, ModelError Error)
{
    public bool Succeeded => Model is not null;
}

/// <summary>
/// The models of this box: which files there are, which are in memory, and who goes when another needs the room. Loads on its own threads, so that a load delays no other
/// model; calls for a model that is being loaded wait for the same load. A call holds a <see cref="ModelLease"/>: nobody takes a model from under it. Any thread.
/// </summary>
public sealed class ModelHost : IDisposable
{
    /// <summary>When a call that found all memory in use may come again: answers end within seconds, and the next look costs nothing.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly ModelHostOptions _options;
    private readonly TimeProvider _time;
    private readonly ModelFiles _files;
    private readonly HashCache _hashes;
    private readonly FileUses _uses = new();
    private readonly CoreShare _cores = new(Environment.ProcessorCount);
    private readonly ModelLedger _ledger;
    private readonly ITimer? _sweeper;
    private bool _isDisposed;

    public ModelHost(ModelHostOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        Adapters = new AdapterTable(options.Adapters);
        _files = new ModelFiles(options, Adapters);
        _hashes = new HashCache(options.HashFile);
        _ledger = new ModelLedger(options.MemoryBytesMax, options.AvailableBytes ?? MemoryProbe.AvailableBytes, time);
        if (options.KeepAlive > TimeSpan.Zero)
        {
            // A model stays at most a quarter longer than it was to.
            var period = TimeSpan.FromTicks(Math.Clamp(options.KeepAlive.Ticks / 4, TimeSpan.TicksPerSecond, TimeSpan.TicksPerMinute));
            _sweeper = time.CreateTimer(static host => ((ModelHost)host!).UnloadIdle(), this, period, period);
        }
    }

    /// <summary>LoRA adapters by the names that requests may call; asked for, they stand for their base.</summary>
    public AdapterTable Adapters { get; }

    /// <summary>The models in memory that take calls.</summary>
    public IReadOnlyList<LoadedModel> Loaded => _ledger.Loaded;

    public HostCounts Counts => _ledger.Counts;

    /// <summary>What all models together may take and have reserved.</summary>
    public HostMemory Memory => _ledger.Memory;

    /// <summary>Every model known, by name: configured paths, then the folder's files, and the adapters of those.</summary>
    public IReadOnlyList<ModelFile> List()
    {
        var models = _files.All().Select(Describe).ToDictionary(file => file.Name, StringComparer.Ordinal);
        var adapters = Adapters.Files.Where(adapter => models.ContainsKey(adapter.Base))
            .Select(adapter => models[adapter.Base].With(adapter, Find(adapter.Base)?.AdapterOf(adapter.NameUtf8)));
        return [.. models.Values.Concat(adapters).OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <summary>A model in memory by its name, or by that of one of its adapters. Who lets it compute must hold a <see cref="ModelLease"/>.</summary>
    public LoadedModel? Find(ReadOnlySpan<byte> name)
    {
        var wanted = Adapters.Find(name) is { } adapter ? adapter.BaseUtf8 : name;
        foreach (var model in _ledger.Loaded)
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
        return Array.Find(_ledger.Loaded, model => model.Name == wanted);
    }

    /// <summary>A file of this name could be loaded, is being, or is loaded.</summary>
    public bool Knows(string name) => Find(name) is not null || _files.Find(Adapters.BaseOf(name)) is not null;

    /// <summary>
    /// The arithmetic with which a model answers here, or will once it is loaded: known before a load where the file was hashed in this life or an earlier one. Unknown otherwise.
    /// </summary>
    public NumericsProfile NumericsOf(string name)
    {
        if (Find(name) is { } model)
        {
            return model.NumericsOf(name);
        }

        if (_options.UseReferenceBackend || Adapters.Find(name) is not null || _files.Find(name) is not { } file)
        {
            return default;
        }

        return FileStamp.OfModel(file.Path) is { } stamp && _hashes.TryGet(file.Path, stamp, out var facts)
            ? new NumericsProfile(FileHash.Prefix(facts.Sha256.Span), facts.TemplateHash, (byte)_options.KvType, NativeBackend.CpuNumericsId)
            : default;
    }

    /// <summary>A hold on a model that is in memory; false when it is not. Allocates nothing.</summary>
    public bool TryRent(ReadOnlySpan<byte> name, out ModelLease lease)
    {
        lock (_ledger.Gate)
        {
            if (Find(name) is { Slot: { } slot } model)
            {
                slot.Enter(_time.GetTimestamp());
                lease = new ModelLease(this, slot, model);
                return true;
            }
        }

        lease = default;
        return false;
    }

    /// <summary>A hold on the model, loaded now if it is not. Cancelling stops the waiting, not the load.</summary>
    public ValueTask<ModelLease> RentAsync(string name, CancellationToken cancel = default) =>
        TryRent(Encoding.UTF8.GetBytes(name), out var lease) ? new ValueTask<ModelLease>(lease) : WaitForAsync(Adapters.BaseOf(name), cancel);

    /// <summary>The model, loaded now if it is not; its use is not held. Cancelling stops the waiting, not the load.</summary>
    /// <param name="name">The model.</param>
    /// <param name="pin">Keep it from now on: it goes neither for another model nor by time.</param>
    /// <param name="makeRoom">Whether idle models may go for it.</param>
    /// <param name="cancel">Stops the waiting.</param>
    public async ValueTask<LoadResult> LoadAsync(string name, bool pin = false, bool makeRoom = true, CancellationToken cancel = default)
    {
        try
        {
            while (true)
            {
                var (slot, state) = Enter(Adapters.BaseOf(name), isCall: false, makeRoom, pin);
                if (slot is null)
                {
                    return new LoadResult(null, Stopping);
                }

                if (state is TenantState.Loading or TenantState.Loaded)
                {
                    var result = await slot.Loaded.WaitAsync(cancel);
                    return result.Model is { } model ? WithAdapter(model, name) : result;
                }

                await slot.Gone.WaitAsync(cancel);
            }
        }
        catch (OperationCanceledException)
        {
            return new LoadResult(null, StoppedWaiting(name));
        }
    }

    /// <summary>
    /// Takes a model out of memory: new calls are refused as draining, those under way have <paramref name="drainMax"/> (the option's, where it is null) to finish and then end as
    /// draining. A call after that loads it again. Cancelling stops the waiting, not the unloading.
    /// </summary>
    public async ValueTask<UnloadResult> UnloadAsync(string name, TimeSpan? drainMax = null, CancellationToken cancel = default)
    {
        ModelSlot slot;
        lock (_ledger.Gate)
        {
            if (!_ledger.Slots.TryGetValue(Adapters.BaseOf(name), out slot!))
            {
                return new UnloadResult(UnloadOutcome.NotLoaded);
            }

            if (slot.State == TenantState.Loading)
            {
                return new UnloadResult(UnloadOutcome.BeingLoaded);
            }

            if (slot.State == TenantState.Loaded)
            {
                _ledger.Withdraw(slot);
                slot.Drain();
                _ = DrainAsync(slot, drainMax ?? _options.DrainMax);
            }
        }

        await slot.Gone.WaitAsync(cancel);
        return new UnloadResult(UnloadOutcome.Unloaded, slot.CallsEnded);
    }

    /// <summary>
    /// Deletes a model's file from the models folder (of a link, the link), then unloads it as <see cref="UnloadAsync"/> does. Answers how many calls were ended.
    /// </summary>
    public async ValueTask<(ModelError Error, int CallsEnded)> RemoveAsync(string name, TimeSpan? drainMax = null, CancellationToken cancel = default)
    {
        if (Adapters.Find(name) is { } adapter)
        {
            return (new ModelError(ErrorCause.Refused, $"{name} is an adapter: take it out of engine.adapters, then delete {adapter.Path.Path}."), 0);
        }

        lock (_ledger.Gate)
        {
            if (_ledger.Slots.TryGetValue(name, out var slot) && slot.State == TenantState.Loading)
            {
                return (new ModelError(ErrorCause.Refused, $"{name} is being loaded; remove it when it is there."), 0);
            }
        }

        return _files.Delete(name) is { IsNone: false } problem ? (problem, 0) : (default, (await UnloadAsync(name, drainMax, cancel)).CallsEnded);
    }

    /// <summary>Unloads those that nobody called for <see cref="ModelHostOptions.KeepAlive"/>; the host's own timer does, and tests do.</summary>
    public void UnloadIdle()
    {
        List<ModelSlot> idle = [];
        lock (_ledger.Gate)
        {
            foreach (var slot in _ledger.Slots.Values)
            {
                if (slot.Tenant.MayGiveWay && _time.GetElapsedTime(slot.LastUsed) >= _options.KeepAlive)
                {
                    _ledger.Close(slot);
                    idle.Add(slot);
                }
            }
        }

        idle.ForEach(slot => _ledger.End(slot, UnloadReason.Idle));
    }

    /// <summary>Unloads everything; calls under way end as draining. A load still under way unloads itself when it is done.</summary>
    public void Dispose()
    {
        _sweeper?.Dispose();
        List<ModelSlot> rest = [];
        lock (_ledger.Gate)
        {
            _isDisposed = true;
            foreach (var slot in _ledger.Slots.Values)
            {
                if (slot.State is TenantState.Loaded or TenantState.Draining)
                {
                    _ledger.Close(slot);
                    rest.Add(slot);
                }
            }
        }

        rest.ForEach(slot => _ledger.End(slot, UnloadReason.Asked));
    }

    internal void Return(ModelSlot slot)
    {
        lock (_ledger.Gate)
        {
            slot.Leave(_time.GetTimestamp());
        }
    }

    private static ModelError Stopping => new(ErrorCause.Draining, "The engine is stopping.");

    private static ModelError StoppedWaiting(string name) => new(ErrorCause.Cancelled, $"The caller stopped waiting while {name} was being loaded.");

    private async ValueTask<ModelLease> WaitForAsync(string name, CancellationToken cancel)
    {
        ModelSlot? held = null;
        try
        {
            while (true)
            {
                var (slot, state) = Enter(name, isCall: true, makeRoom: true, pin: false);
                if (slot is null)
                {
                    return new ModelLease(Stopping);
                }

                if (state == TenantState.Draining)
                {
                    return new ModelLease(new ModelError(ErrorCause.Draining, $"{name} is being unloaded; a call after that loads it again.", null, RetryAfter));
                }

                if (state == TenantState.Closing)
                {
                    await slot.Gone.WaitAsync(cancel);
                    continue;
                }

                held = slot;
                var load = await slot.Loaded.WaitAsync(cancel);
                return load.Model is null ? new ModelLease(load.Error) : new ModelLease(this, slot, load.Model);
            }
        }
        catch (OperationCanceledException)
        {
            if (held is not null)
            {
                Return(held);
            }

            return new ModelLease(StoppedWaiting(name));
        }
    }

    /// <summary>The model's slot and its state, a new one where there is none, whose load begins; a call counts from here on. Null when the host has stopped.</summary>
    private (ModelSlot? Slot, TenantState State) Enter(string name, bool isCall, bool makeRoom, bool pin)
    {
        lock (_ledger.Gate)
        {
            if (_isDisposed)
            {
                return default;
            }

            if (!_ledger.Slots.TryGetValue(name, out var slot))
            {
                slot = new ModelSlot(name) { MakesRoom = makeRoom };
                _ledger.Slots.Add(name, slot);
                var fresh = slot;
                _ = Task.Factory.StartNew(() => Load(fresh), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            if (slot.State is TenantState.Loading or TenantState.Loaded)
            {
                slot.IsPinned |= pin || _options.Pinned.Contains(name);
                if (isCall)
                {
                    slot.Enter(_time.GetTimestamp());
                }
            }

            return (slot, slot.State);
        }
    }

    private void Load(ModelSlot slot)
    {
        var began = _time.GetTimestamp();
        var result = TryLoad(slot);
        var isKept = false;
        lock (_ledger.Gate)
        {
            isKept = result.Model is not null && !_isDisposed;
            if (isKept)
            {
                _ledger.Keep(slot, result.Model!, _time.GetElapsedTime(began));
            }
        }

        if (!isKept)
        {
            result.Model?.Dispose();
            result = result.Model is null ? result : new LoadResult(null, Stopping);
            _ledger.Fail(slot);
        }

        slot.TellLoaded(result);
    }

    private LoadResult TryLoad(ModelSlot slot)
    {
        var name = slot.Name;
        if (_files.Find(name) is not { } file)
        {
            var known = _files.All().Keys.Order(StringComparer.Ordinal).Take(10);
            return Failed(ErrorCause.ModelNotFound, $"There is no model \"{name}\" on this box; known are: {string.Join(", ", known)}. Add one with: jesus models add FILE");
        }

        try
        {
            var rooms = new LoadRooms(_options, _time, _hashes, _options.TakesTurns ? _cores : null, (in MemoryNeed need) => _ledger.Reserve(slot, need), slot.Touch);
            return new LoadResult(ModelLoader.Load(name, file, Adapters, rooms), default);
        }
        catch (MemoryRefusedException refused)
        {
            return new LoadResult(null, refused.MayFitLater
                ? new ModelError(ErrorCause.Overloaded, refused.Message, null, RetryAfter)
                : new ModelError(ErrorCause.Internal, refused.Message));
        }
        catch (Exception error) when (error is GgufException or BackendException or IOException or UnauthorizedAccessException)
        {
            return Failed(ErrorCause.Internal, $"{name} cannot be loaded: {error.Message}");
        }
    }

    private async Task DrainAsync(ModelSlot slot, TimeSpan drainMax)
    {
        if (drainMax > TimeSpan.Zero)
        {
            await slot.Idle.WaitAsync(drainMax, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Giving the memory back takes longer than a caller, or a thread of the pool, should be held.
        await Task.Factory.StartNew(() =>
        {
            lock (_ledger.Gate)
            {
                if (slot.State != TenantState.Draining)
                {
                    // The host stopped meanwhile and ended it.
                    return;
                }

                slot.State = TenantState.Closing;
                slot.CallsEnded = slot.Calls;
            }

            _ledger.End(slot, UnloadReason.Asked);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private ModelFile Describe(KeyValuePair<string, ModelPath> file)
    {
        var (bytes, written) = ModelFolder.Measure(file.Value.Path);
        var uses = Find(file.Key)?.Uses ?? _uses.Of(file.Value.Path, bytes, written);
        lock (_ledger.Gate)
        {
            var slot = _ledger.Slots.GetValueOrDefault(file.Key);
            var model = slot?.Model;
            var hash = model?.Sha256 ?? file.Value.Sha256;
            return new ModelFile(file.Key, file.Value.Path, bytes, StateOf(slot), hash, model?.Engine.ContextTokens ?? 0, uses)
            {
                MemoryBytes = slot?.Bytes ?? 0,
                Calls = slot?.Calls ?? 0,
                IsPinned = slot?.IsPinned ?? _options.Pinned.Contains(file.Key),
                IdleFor = slot is { State: TenantState.Loaded, Calls: 0 } ? _time.GetElapsedTime(slot.LastUsed) : null,
            };
        }
    }

    private static ModelState StateOf(ModelSlot? slot) => slot?.State switch
    {
        TenantState.Loading => ModelState.Loading,
        TenantState.Loaded => ModelState.Loaded,
        TenantState.Draining or TenantState.Closing => ModelState.Draining,
        _ => ModelState.OnDisk,
    };

    /// <summary>The model, unless the name is that of an adapter that could not be loaded with it.</summary>
    private LoadResult WithAdapter(LoadedModel model, string name) => Adapters.Find(name) is { } adapter && model.AdapterOf(adapter.NameUtf8) is { Problem.IsNone: false } failed
        ? new LoadResult(null, failed.Problem)
        : new LoadResult(model, default);

    private static LoadResult Failed(ErrorCause cause, string message) => new(null, new ModelError(cause, message));
}
