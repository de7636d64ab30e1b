using System.Globalization;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>The answer to a model that asks for memory.</summary>
/// <param name="Bytes">Granted, at least what it needs and at most what it wants; 0: refused.</param>
/// <param name="Victims">Who has to go for it, in the order of the tenants.</param>
internal readonly record struct MemoryGrant(long Bytes, IReadOnlyList<int> Victims)
{
    public bool IsRefused => Bytes == 0;
}

/// <summary>Who may have memory, and who goes for it: idle models by least recent use. Pure.</summary>
internal static class MemoryPolicy
{
    private static readonly MemoryGrant Refused = new(0, []);

    /// <summary>
    /// Models in use or pinned never go, and none goes in vain: where even all idle ones together would not make room for the least, nobody goes. Idle ones go until one whole
    /// context fits; what is free beyond is taken up to the most, but nobody goes for that.
    /// </summary>
    /// <param name="tenants">All who hold memory, the asking one not among them or with 0 bytes.</param>
    /// <param name="need">Asked for.</param>
    /// <param name="cap">Bytes of all together.</param>
    /// <param name="mayMakeRoom">False: only what is free is given.</param>
    public static MemoryGrant Decide(ReadOnlySpan<Tenant> tenants, in MemoryNeed need, long cap, bool mayMakeRoom)
    {
        var free = cap - Used(tenants);
        if (free + (mayMakeRoom ? Reclaimable(tenants) : 0) < need.Least)
        {
            return Refused;
        }

        var victims = new List<int>();
        while (mayMakeRoom && free < need.Fair && Oldest(tenants, victims) is >= 0 and var victim)
        {
            victims.Add(victim);
            free += tenants[victim].Bytes;
        }

        return new MemoryGrant(Math.Min(free, need.Most), victims);
    }

    public static long Used(ReadOnlySpan<Tenant> tenants)
    {
        var used = 0L;
        foreach (var tenant in tenants)
        {
            used += tenant.Bytes;
        }

        return used;
    }

    /// <summary>It would fit if only the models in use were idle: trying again may help.</summary>
    public static bool MayFitLater(ReadOnlySpan<Tenant> tenants, in MemoryNeed need, long cap)
    {
        foreach (var tenant in tenants)
        {
            cap -= tenant.IsPinned ? tenant.Bytes : 0;
        }

        return need.Least <= cap;
    }

    /// <summary>Why it was refused: the numbers, who holds what and why they keep it, and what can be done.</summary>
    public static string Explain(string name, ReadOnlySpan<Tenant> tenants, in MemoryNeed need, long cap)
    {
        var used = Used(tenants);
        var adapters = need.Adapters == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" and {need.Adapters} adapters");
        adapters += need.HasDraft ? (need.Adapters == 0 ? " and its draft model's" : " and its draft model") : "";
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{name} needs {need.Least:N0} bytes ({need.Weights:N0} bytes for its weights{adapters} and {need.Work:N0} to work, {need.KvLeast:N0} of KV cache)");
        if (need.Least > cap)
        {
            return text + string.Create(CultureInfo.InvariantCulture,
                $", but all models together may take {cap:N0}: raise engine.memoryBytesMax, free memory on the box, or choose a smaller model.");
        }

        var holders = new List<string>();
        foreach (var tenant in tenants)
        {
            if (tenant.Bytes > 0)
            {
                holders.Add(string.Create(CultureInfo.InvariantCulture, $"{tenant.Name} {tenant.Bytes:N0} ({Why(tenant)})"));
            }
        }

        return text + string.Create(CultureInfo.InvariantCulture,
            $", but of {cap:N0} that all models together may take {used:N0} are in use: {string.Join(", ", holders)}. ")
            + "Wait for the calls to end, unload one (jesus models unload NAME), raise engine.memoryBytesMax, or lower engine.kvBytesMax.";
    }

    private static string Why(in Tenant tenant) => tenant.State switch
    {
        TenantState.Loading => "being loaded",
        TenantState.Draining or TenantState.Closing => "being unloaded",
        _ when tenant.Calls > 0 => string.Create(CultureInfo.InvariantCulture, $"{tenant.Calls} {(tenant.Calls == 1 ? "call" : "calls")} under way"),
        _ => tenant.IsPinned ? "pinned" : "idle",
    };

    private static long Reclaimable(ReadOnlySpan<Tenant> tenants)
    {
        var bytes = 0L;
        foreach (var tenant in tenants)
        {
            bytes += tenant.MayGiveWay ? tenant.Bytes : 0;
        }

        return bytes;
    }

    private static int Oldest(ReadOnlySpan<Tenant> tenants, List<int> taken)
    {
        var oldest = -1;
        for (var i = 0; i < tenants.Length; i++)
        {
            if (tenants[i].MayGiveWay && !taken.Contains(i) && (oldest < 0 || tenants[i].LastUsed < tenants[oldest].LastUsed))
            {
                oldest = i;
            }
        }

        return oldest;
    }
}
