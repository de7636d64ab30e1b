namespace Jesus.Inference.Engine.Hosting;

/// <summary>
/// The models in memory and what each has reserved of it. Memory counts as taken from before its first byte is allocated until its last is given back, so that no
/// two loads count on the same. What is said to be under the lock is called with <see cref="Gate"/> held.
/// </summary>
internal sealed class ModelLedger(long bytesMax, Func<long> available, TimeProvider time)
{
    /// <summary>Held by one load while it reserves its memory and those go who must.</summary>
    private readonly Lock _admitting = new();
    private volatile LoadedModel[] _loaded = [];
    private HostCounts _counts;

    /// <summary>Guards the slots and everything of each.</summary>
    public Lock Gate { get; } = new();

    /// <summary>By name; under the lock.</summary>
    public Dictionary<string, ModelSlot> Slots { get; } = new(StringComparer.Ordinal);

    /// <summary>Those that take calls.</summary>
    public LoadedModel[] Loaded => _loaded;

    public HostCounts Counts
    {
        get
        {
            lock (Gate)
            {
                return _counts;
            }
        }
    }

    /// <summary>What all together may take now, and have reserved.</summary>
    public HostMemory Memory
    {
        get
        {
            var free = available();
            lock (Gate)
            {
                var tenants = Tenants();
                return new HostMemory(CapOf(tenants, free), MemoryPolicy.Used(tenants));
            }
        }
    }

    /// <summary>Bytes for a model that is about to allocate them; idle ones are gone by then. On the load's thread, which waits for them: at most a pass each.</summary>
    /// <exception cref="MemoryRefusedException">It does not fit.</exception>
    public long Reserve(ModelSlot slot, in MemoryNeed need)
    {
        lock (_admitting)
        {
            var free = available();
            MemoryGrant grant;
            List<ModelSlot> victims;
            lock (Gate)
            {
                var tenants = Tenants();
                var cap = CapOf(tenants, free);
                grant = MemoryPolicy.Decide(tenants, need, cap, slot.MakesRoom);
                if (grant.IsRefused)
                {
                    throw new MemoryRefusedException(MemoryPolicy.Explain(slot.Name, tenants, need, cap), MemoryPolicy.MayFitLater(tenants, need, cap));
                }

                victims = [.. grant.Victims.Select(index => Slots[tenants[index].Name])];
                foreach (var victim in victims)
                {
                    Close(victim);
                    victim.Bytes = 0;
                }

                slot.Bytes = grant.Bytes;
            }

            victims.ForEach(victim => End(victim, UnloadReason.Memory));
            return grant.Bytes;
        }
    }

    /// <summary>A load is done, under the lock: the model takes calls.</summary>
    public void Keep(ModelSlot slot, LoadedModel model, TimeSpan took)
    {
        model.Slot = slot;
        slot.Model = model;
        slot.Bytes = Math.Max(model.MemoryBytes, 1);
        slot.LastUsed = time.GetTimestamp();
        slot.State = TenantState.Loaded;
        _loaded = [.. _loaded, model];
        _counts = _counts with { Loads = _counts.Loads + 1, LoadSeconds = _counts.LoadSeconds + took.TotalSeconds };
    }

    /// <summary>A load came to nothing, and nothing of it is allocated any more.</summary>
    public void Fail(ModelSlot slot)
    {
        lock (Gate)
        {
            _counts = _counts with { LoadFailures = _counts.LoadFailures + 1 };
        }

        Forget(slot);
    }

    /// <summary>Under the lock: nobody finds the model any more.</summary>
    public void Withdraw(ModelSlot slot) => _loaded = [.. _loaded.Where(model => model != slot.Model)];

    /// <summary>Under the lock: it is about to be ended.</summary>
    public void Close(ModelSlot slot)
    {
        Withdraw(slot);
        slot.State = TenantState.Closing;
    }

    /// <summary>Gives the memory back; calls under way end as draining.</summary>
    public void End(ModelSlot slot, UnloadReason reason)
    {
        slot.Model?.Dispose();
        lock (Gate)
        {
            _counts = reason switch
            {
                UnloadReason.Memory => _counts with { UnloadsMemory = _counts.UnloadsMemory + 1 },
                UnloadReason.Idle => _counts with { UnloadsIdle = _counts.UnloadsIdle + 1 },
                _ => _counts with { UnloadsAsked = _counts.UnloadsAsked + 1 },
            };
        }

        Forget(slot);
    }

    private void Forget(ModelSlot slot)
    {
        lock (Gate)
        {
            slot.Bytes = 0;
            _ = Slots.Remove(slot.Name);
        }

        slot.TellGone();
    }

    private Tenant[] Tenants() => [.. Slots.Values.Select(slot => slot.Tenant)];

    /// <summary>
    /// What all may take: the option's cap, and no more than what they have touched already and the box could still give. Pages that are reserved but were never touched are still
    /// among the box's free ones.
    /// </summary>
    private long CapOf(Tenant[] tenants, long free)
    {
        var untouched = Slots.Values.Sum(slot => slot.UntouchedBytes);
        var box = MemoryPolicy.Used(tenants) - untouched + Math.Min(free, long.MaxValue / 2);
        return bytesMax > 0 ? Math.Min(bytesMax, box) : box;
    }
}
