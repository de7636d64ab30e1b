using Jesus.Inference.Engine.Hosting;

namespace Jesus.Inference.Tests.Engine.Hosting;

public sealed class MemoryPolicyTests(ITestOutputHelper output)
{
    private static readonly MemoryNeed Need = new(Weights: 50, Work: 10, KvLeast: 5, KvFair: 20, KvMost: 40);

    [Fact]
    public void An_empty_box_gives_all_that_is_wanted_and_no_more()
    {
        Assert.Equal(100, MemoryPolicy.Decide([], Need, cap: 1_000, mayMakeRoom: true).Bytes);
        Assert.Equal(90, MemoryPolicy.Decide([], Need, cap: 90, mayMakeRoom: true).Bytes);
        Assert.Equal(65, MemoryPolicy.Decide([], Need, cap: 65, mayMakeRoom: true).Bytes);
        Assert.True(MemoryPolicy.Decide([], Need, cap: 64, mayMakeRoom: true).IsRefused);
    }

    [Fact]
    public void Idle_models_go_oldest_first_until_a_whole_context_fits()
    {
        Tenant[] tenants = [Idle("b", 40, used: 2), Idle("a", 30, used: 1), Idle("c", 40, used: 3)];
        var grant = MemoryPolicy.Decide(tenants, Need, cap: 130, mayMakeRoom: true);
        Assert.Equal([1, 0], grant.Victims);
        Assert.Equal(90, grant.Bytes);
    }

    [Fact]
    public void Nobody_goes_for_what_is_wanted_beyond_a_context()
    {
        var grant = MemoryPolicy.Decide([Idle("a", 30, used: 1)], Need, cap: 112, mayMakeRoom: true);
        Assert.Empty(grant.Victims);
        Assert.Equal(82, grant.Bytes);
    }

    [Fact]
    public void Models_in_use_pinned_or_not_yet_there_never_go()
    {
        Tenant[] tenants =
        [
            Idle("busy", 20, used: 1) with { Calls = 1 },
            Idle("pinned", 20, used: 1) with { IsPinned = true },
            Idle("loading", 20, used: 1) with { State = TenantState.Loading },
            Idle("draining", 20, used: 1) with { State = TenantState.Draining },
        ];
        Assert.True(MemoryPolicy.Decide(tenants, Need, cap: 144, mayMakeRoom: true).IsRefused);
        Assert.Equal(65, MemoryPolicy.Decide(tenants, Need, cap: 145, mayMakeRoom: true).Bytes);
    }

    [Fact]
    public void Nobody_goes_in_vain_and_nobody_for_a_load_that_may_not_make_room()
    {
        Tenant[] tenants = [Idle("idle", 20, used: 1), Idle("busy", 50, used: 1) with { Calls = 1 }];
        Assert.True(MemoryPolicy.Decide(tenants, Need, cap: 100, mayMakeRoom: true).IsRefused);
        Assert.True(MemoryPolicy.Decide([tenants[0]], Need, cap: 80, mayMakeRoom: false).IsRefused);
    }

    [Fact]
    public void A_refusal_has_the_numbers_who_holds_them_and_the_remedy()
    {
        Tenant[] tenants = [Idle("a", 1_500, used: 1) with { Calls = 2 }, Idle("b", 600, used: 1) with { IsPinned = true }];
        var text = MemoryPolicy.Explain("c", tenants, Need, cap: 2_150);
        Assert.Equal("c needs 65 bytes (50 bytes for its weights and 10 to work, 5 of KV cache), but of 2,150 that all models together may take 2,100 are in use: "
            + "a 1,500 (2 calls under way), b 600 (pinned). Wait for the calls to end, unload one (jesus models unload NAME), raise engine.memoryBytesMax, "
            + "or lower engine.kvBytesMax.", text);
        Assert.True(MemoryPolicy.MayFitLater(tenants, Need, cap: 2_150));
        Assert.False(MemoryPolicy.MayFitLater(tenants, Need, cap: 660));
        Assert.Contains("all models together may take 60", MemoryPolicy.Explain("c", [], Need, cap: 60), StringComparison.Ordinal);
    }

    /// <summary>Hours of loads, calls, pins and unloads in a second; the rules hold at every decision.</summary>
    [Fact]
    public void Whatever_comes_the_cap_holds_and_only_the_idle_unused_for_longest_go()
    {
        var seed = TestSeed.Next(output);
        var (granted, refused, victims) = (0, 0, 0);
        for (var round = 0; round < 300; round++)
        {
            var dice = new Random(seed + round);
            var cap = dice.Next(100, 2_000);
            var tenants = new List<Tenant>();
            for (var step = 0; step < 100; step++)
            {
                if (dice.Next(3) > 0 && tenants.Count > 0)
                {
                    Change(tenants, dice, step);
                    continue;
                }

                var need = new MemoryNeed(dice.Next(1, 400), dice.Next(1, 50), dice.Next(1, 20), dice.Next(20, 60), dice.Next(60, 200));
                var makesRoom = dice.Next(4) > 0;
                var before = tenants.ToArray();
                var grant = MemoryPolicy.Decide(before, need, cap, makesRoom);
                Check(before, need, cap, makesRoom, grant);
                refused += grant.IsRefused ? 1 : 0;
                if (!grant.IsRefused)
                {
                    (granted, victims) = (granted + 1, victims + grant.Victims.Count);
                    tenants = [.. before.Where((_, i) => !grant.Victims.Contains(i)), new Tenant($"m{step}", grant.Bytes, TenantState.Loading, dice.Next(2), dice.Next(10) == 0, step)];
                }

                Assert.True(MemoryPolicy.Used(tenants.ToArray()) <= cap, "more is reserved than there may be");
            }
        }

        output.WriteLine($"{granted} granted with {victims} unloads, {refused} refused");
        Assert.True(granted > 1_000 && refused > 1_000 && victims > 1_000, "the rounds did not meet all cases");
    }

    private static void Check(Tenant[] tenants, in MemoryNeed need, long cap, bool makesRoom, MemoryGrant grant)
    {
        var free = cap - MemoryPolicy.Used(tenants);
        var idle = tenants.Where(tenant => tenant is { State: TenantState.Loaded, Calls: 0, IsPinned: false }).ToArray();
        if (grant.IsRefused)
        {
            Assert.True(free + (makesRoom ? idle.Sum(tenant => tenant.Bytes) : 0) < need.Least, "it was refused though it would fit");
            Assert.Empty(grant.Victims);
            return;
        }

        var gone = grant.Victims.Select(index => tenants[index]).ToArray();
        Assert.True(makesRoom || gone.Length == 0);
        Assert.Equal(gone.Length, grant.Victims.Distinct().Count());
        Assert.All(gone, tenant => Assert.Contains(tenant, idle));
        Assert.All(idle.Except(gone), kept => Assert.All(gone, tenant => Assert.True(tenant.LastUsed <= kept.LastUsed, "a younger one went first")));
        Assert.True(gone.Length == 0 || free + gone[..^1].Sum(tenant => tenant.Bytes) < need.Fair, "one more went than had to");
        Assert.InRange(grant.Bytes, need.Least, need.Most);
        Assert.True(grant.Bytes <= free + gone.Sum(tenant => tenant.Bytes), "more was given than there is");
    }

    private static void Change(List<Tenant> tenants, Random dice, int now)
    {
        var index = dice.Next(tenants.Count);
        var tenant = tenants[index];
        tenants[index] = dice.Next(5) switch
        {
            0 => tenant with { State = TenantState.Loaded, LastUsed = now },
            1 => tenant with { Calls = tenant.Calls + 1, LastUsed = now },
            2 or 3 => tenant with { Calls = Math.Max(0, tenant.Calls - 1), LastUsed = now },
            _ => tenant with { State = tenant.State == TenantState.Loaded ? TenantState.Draining : TenantState.Loaded },
        };
        if (tenants[index].State == TenantState.Draining && tenants[index].Calls == 0)
        {
            tenants.RemoveAt(index);
        }
    }

    private static Tenant Idle(string name, long bytes, long used) => new(name, bytes, TenantState.Loaded, 0, IsPinned: false, used);
}
