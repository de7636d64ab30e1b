using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Engine;

namespace Jesus.Appliance.Host;

/// <summary>What this box says of its own models to its peers: those that it offers, as the engine and the scheduler have them now. Thread-safe.</summary>
internal sealed class OwnModels(ModelHost engine, RouteTableHolder routes, TicketScheduler scheduler, PriceTableHolder prices, FederationOptions options, TimeProvider time)
{
    /// <summary>
    /// Bytes of a model's file that are read a second when it is loaded: an SSD's, since a file that is asked for from elsewhere is rarely in the page cache. A guess that
    /// only has to say that a model in memory is sooner there.
    /// </summary>
    private const long LoadBytesPerSecond = 500_000_000;

    private volatile Sizes _sizes = new(RouteTable.Empty, new Dictionary<string, long>());

    public IReadOnlyList<PeerModelView> Describe()
    {
        var table = routes.Current;
        var models = new List<PeerModelView>();
        foreach (var candidate in table.Candidates)
        {
            if (candidate.IsLocal && IsOffered(candidate.Model))
            {
                models.Add(Describe(candidate, table));
            }
        }

        return models;
    }

    /// <summary>One of them, as it is now; null for what is not offered.</summary>
    public PeerModelView? Find(string model)
    {
        var table = routes.Current;
        foreach (var candidate in table.Candidates)
        {
            if (candidate.IsLocal && candidate.Model == model && IsOffered(model))
            {
                return Describe(candidate, table);
            }
        }

        return null;
    }

    private bool IsOffered(string model)
    {
        for (var i = 0; i < options.Offer.Count; i++)
        {
            if (Glob.Matches(options.Offer[i], model))
            {
                return true;
            }
        }

        return false;
    }

    private PeerModelView Describe(Candidate candidate, RouteTable table)
    {
        var loaded = engine.Find(candidate.Model);
        var capacity = loaded?.Engine.Capacity() ?? default;
        var snapshot = loaded?.Engine.Snapshot ?? default;
        var there = (long)capacity.QueueDelay.TotalMilliseconds + (loaded is null ? LoadMs(candidate.Model, table) : 0);
        var price = prices.Current.Find(candidate.Name, candidate.Provider, leavesBox: false, time.GetUtcNow());
        return new PeerModelView
        {
            Name = candidate.Model,
            NameUtf8 = candidate.ModelUtf8.Memory,
            ContextTokens = loaded is null ? candidate.Traits.ContextTokens : capacity.ContextTokens,
            Abilities = candidate.Traits.Abilities,
            Numerics = engine.NumericsOf(candidate.Model),
            IsLoaded = loaded is not null,
            FreeSlots = loaded is null ? 1 : capacity.FreeSlots,
            TotalSlots = loaded is null ? 1 : capacity.TotalSlots,
            FreeKvBlocks = snapshot.KvBlocksTotal - snapshot.KvBlocksUsed,
            PrefillTokensPerSecond = (float)snapshot.PrefillTokensPerSecond,
            DecodeTokensPerSecond = (float)snapshot.DecodeTokensPerSecond,
            Price = new PeerPrice((double)price.Input, (double)price.Output, (double)price.ComputeSecond),
            InteractiveDelayMs = DelayMs(candidate, Lane.Interactive, there),
            AgentDelayMs = DelayMs(candidate, Lane.Agent, there),
            BatchDelayMs = DelayMs(candidate, Lane.Batch, there),
            PrefixDigests = capacity.WarmPrefixes,
            PrefixBlockTokens = PromptDigests.BlockTokens,
        };
    }

    /// <summary>At the door, and behind it.</summary>
    private int DelayMs(Candidate candidate, Lane lane, long thereMs) => (int)Math.Min(int.MaxValue, scheduler.ForeseenMs(candidate.Door, lane) + thereMs);

    /// <summary>The files are looked at when the table changes, not at each status.</summary>
    private long LoadMs(string model, RouteTable table)
    {
        if (_sizes.Table != table)
        {
            _sizes = new Sizes(table, engine.List().ToDictionary(file => file.Name, file => file.Bytes, StringComparer.Ordinal));
        }

        return _sizes.Bytes.GetValueOrDefault(model) * 1_000 / LoadBytesPerSecond;
    }

    private sealed record Sizes(RouteTable Table, Dictionary<string, long> Bytes);
}
