using Jesus.Appliance.Config;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Router;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Lora;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>
/// The models that callers may name: the box's own files and the providers' models, as candidates of the route table. The table is rebuilt when a
/// file was added or a model was loaded (its context is known from then on); candidates keep their health. Thread-safe.
/// </summary>
public sealed class ModelShelf(ModelHost host, string folder, IReadOnlyList<Candidate> remote, RouteTableHolder routes, ApplianceConfig config,
    TimeProvider time, ILogger log) : IModelDirectory
{
    /// <summary>What the engine offers of a model that writes text; it reads no images.</summary>
    private const Abilities WritersAbilities = Abilities.Text | Abilities.Tools | Abilities.Schema | Abilities.Reasoning;

    private readonly LocalAdapter _local = new(host, time, PromptDigests.Name);
    private readonly Lock _gate = new();
    private RoutesOptions _routing = config.Routes;
    private IReadOnlyList<Candidate> _remote = remote;

    public string Folder => folder;

    /// <summary>Models that only peers have, as they are now.</summary>
    public Func<IReadOnlyList<ModelListing>> OfPeers { get; set; } = static () => [];

    /// <summary>Where the engine finds files: all of the first folder, and what the other folders have besides as the daemon starts.</summary>
    public static ModelHostOptions HostOptions(EngineSettings engine, string stateModels, string? hashFile = null)
    {
        var folders = engine.ModelFolders.Count > 0 ? engine.ModelFolders : [stateModels];
        var paths = new Dictionary<string, ModelPath>(StringComparer.Ordinal);
        var adapters = engine.Adapters.ToDictionary(entry => entry.Key, entry => new ModelPath(Path.Combine(folders[0], entry.Value)), StringComparer.Ordinal);
        var table = new AdapterTable(adapters);
        foreach (var (name, path) in folders.Skip(1).SelectMany(ModelFolder.Read))
        {
            if (ModelFolder.Find(folders[0], name) is null && !table.HasFile(path))
            {
                _ = paths.TryAdd(name, new ModelPath(path));
            }
        }

        return new ModelHostOptions
        {
            ModelsFolder = folders[0],
            Paths = paths,
            Adapters = adapters,
            Drafts = engine.DraftModels.ToDictionary(entry => entry.Key, entry => new ModelPath(Path.Combine(folders[0], entry.Value)), StringComparer.Ordinal),
            Threads = engine.Threads > 0 ? engine.Threads : Math.Clamp(Environment.ProcessorCount, 1, 256),
            MemoryBytesMax = engine.MemoryBytesMax,
            KvBytesMax = engine.KvBytesMax,
            KvType = engine.KvType,
            Batch = new BatchLimits { Speculates = engine.Drafts },
            Pinned = engine.Pinned.ToHashSet(StringComparer.Ordinal),
            KeepAlive = TimeSpan.FromSeconds(engine.KeepAliveSeconds),
            DrainMax = TimeSpan.FromSeconds(engine.DrainSeconds),
            HashFile = hashFile,
        };
    }

    /// <summary>Rebuilds the route table from what is there now.</summary>
    /// <returns>What is wrong with the routes; the table is the best that can be made of them.</returns>
    public IReadOnlyList<string> Refresh()
    {
        lock (_gate)
        {
            var errors = new List<string>();
            routes.Replace(RouteTable.Build(_routing, [.. Locals(), .. _remote], errors));
            return errors;
        }
    }

    /// <summary>A reload: takes other routes and providers' models, or none of them where something is wrong.</summary>
    public bool TryReplace(RoutesOptions routing, IReadOnlyList<Candidate> others, ICollection<string> errors)
    {
        lock (_gate)
        {
            var table = RouteTable.Build(routing, [.. Locals(), .. others], errors);
            if (errors.Count > 0)
            {
                return false;
            }

            (_routing, _remote) = (routing, others);
            routes.Replace(table);
            return true;
        }
    }

    /// <summary>Loads the models that shall answer their first call at once. None goes again for another of them: those named first stay.</summary>
    public async Task PreloadAsync(Readiness readiness)
    {
        foreach (var name in config.Engine.Preload)
        {
            readiness.Set("models", false, $"loading {name}");
            var result = await host.LoadAsync(name, makeRoom: false);
            if (!result.Succeeded)
            {
                log.LogWarning("{Model} is not preloaded: {Reason}", name, result.Error.Message);
            }
        }

        _ = Refresh();
        readiness.Set("models", true, Summary());
    }

    public string Summary()
    {
        var files = host.List();
        return files.Count == 0 && _remote.Count == 0
            ? "no model; add one with `jesus models add FILE`"
            : $"{files.Count} on this box, {_remote.Count} at providers";
    }

    public IReadOnlyList<ModelListing> List()
    {
        var byDefault = routes.Current.DefaultName;
        var listings = _routing.Routes.Keys.Select(name => new ModelListing(name, "route", 0, "route", 0, 0, "")).ToList();
        listings.AddRange(host.List().Select(file => Listing(file)));
        listings.AddRange(_remote.Where(c => c.Key == 1).Select(c => new ModelListing(c.Name, c.Provider, 0, "remote", c.Traits.ContextTokens, 0, "", c.Traits.Abilities)));
        listings.AddRange(OfPeers().Where(peers => listings.TrueForAll(l => l.Id != peers.Id)));
        return [.. listings.OrderByDescending(l => l.Id == byDefault || $"{LocalAdapter.Kind}/{l.Id}" == byDefault)];
    }

    public async ValueTask<string?> RescanAsync(string name, CancellationToken cancel)
    {
        var result = await host.LoadAsync(name, cancel: cancel);
        _ = Refresh();
        return result.Succeeded ? null : result.Error.Message;
    }

    public ModelMemory Memory
    {
        get
        {
            var (cap, used) = host.Memory;
            return new ModelMemory(cap, used);
        }
    }

    public async ValueTask<ModelOrder> LoadAsync(string name, bool pin, CancellationToken cancel)
    {
        var result = await host.LoadAsync(name, pin, cancel: cancel);
        _ = Refresh();
        return result.Model is { } model
            ? new ModelOrder(ModelOrderCode.Done, $"{name} is in memory with {model.MemoryBytes:N0} bytes{(pin ? ", and stays there" : "")}.")
            : new ModelOrder(CodeOf(result.Error.Cause), result.Error.Message);
    }

    public async ValueTask<ModelOrder> UnloadAsync(string name, TimeSpan? drainMax, CancellationToken cancel)
    {
        var result = await host.UnloadAsync(name, drainMax, cancel);
        return result.Outcome switch
        {
            UnloadOutcome.Unloaded => new ModelOrder(ModelOrderCode.Done, $"{name} is unloaded{Ended(result.CallsEnded)}."),
            UnloadOutcome.BeingLoaded => new ModelOrder(ModelOrderCode.Conflict, $"{name} is being loaded; unload it when it is there."),
            _ when host.Knows(name) => new ModelOrder(ModelOrderCode.Done, $"{name} was not in memory."),
            _ => new ModelOrder(ModelOrderCode.NotFound, $"There is no model \"{name}\" on this box; `jesus models ls` lists those that there are."),
        };
    }

    public async ValueTask<ModelOrder> RemoveAsync(string name, TimeSpan? drainMax, CancellationToken cancel)
    {
        var (error, ended) = await host.RemoveAsync(name, drainMax, cancel);
        _ = Refresh();
        return error.IsNone
            ? new ModelOrder(ModelOrderCode.Done, $"{name} is removed{Ended(ended)}.")
            : new ModelOrder(CodeOf(error.Cause), error.Message);
    }

    private static string Ended(int calls) => calls == 0 ? "" : $"; {calls} calls were not over in time and ended as draining";

    private static ModelOrderCode CodeOf(ErrorCause cause) => cause switch
    {
        ErrorCause.ModelNotFound => ModelOrderCode.NotFound,
        ErrorCause.Refused => ModelOrderCode.Conflict,
        ErrorCause.Overloaded or ErrorCause.Draining => ModelOrderCode.Busy,
        _ => ModelOrderCode.Failed,
    };

    private static ModelListing Listing(ModelFile file) => new(file.Name, LocalAdapter.Kind, 0, NameOf(file.State), file.ContextTokens, file.Bytes, "", AbilitiesOf(file))
    {
        Residence = new ModelResidence(file.MemoryBytes, file.Calls, file.IsPinned, file.IdleFor),
    };

    private IEnumerable<Candidate> Locals()
    {
        var old = routes.Current.Candidates.Where(c => c.IsLocal).ToDictionary(c => c.Label, StringComparer.Ordinal);
        return host.List().Select(file => Local(file, old.GetValueOrDefault($"{LocalAdapter.Kind}/{file.Name}")));
    }

    private Candidate Local(ModelFile file, Candidate? old)
    {
        var traits = new CandidateTraits
        {
            ContextTokens = file.ContextTokens,
            LeavesBox = false,
            Abilities = AbilitiesOf(file),
            Door = $"{LocalAdapter.Kind}/{host.Adapters.BaseOf(file.Name)}",
        };
        return old?.Traits == traits ? old : new Candidate(_local, file.Name, traits, old?.Health);
    }

    /// <summary>A file that cannot be read keeps the usual ones: whoever calls it is told what is wrong with it.</summary>
    private static Abilities AbilitiesOf(ModelFile file)
    {
        var abilities = file.Uses.HasFlag(ModelUses.Generate) || file.Uses == ModelUses.None ? WritersAbilities : Abilities.None;
        abilities |= file.Uses.HasFlag(ModelUses.Embed) ? Abilities.Embeddings : Abilities.None;
        return abilities | (file.Uses.HasFlag(ModelUses.Rerank) ? Abilities.Rerank : Abilities.None);
    }

    private static string NameOf(ModelState state) => state switch
    {
        ModelState.Loaded => "ready",
        ModelState.Loading => "loading",
        ModelState.Draining => "draining",
        _ => "idle",
    };
}
