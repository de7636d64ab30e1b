using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Tests.Federation.Calls;

public sealed class PeerSelectorTests
{
    private static readonly NumericsProfile Alike = new(1, 2, 3, 4);
    private static readonly PeerModelView Idle = Statuses.Model("m") with { PrefillTokensPerSecond = 1_000, InteractiveDelayMs = 0, FreeSlots = 4, Numerics = Alike };

    [Fact]
    public void The_first_token_is_expected_after_the_lanes_delay_the_missing_prompt_and_the_way()
    {
        var ask = new PeerAsk("*", "m", Lane.Interactive, 2_000, default);
        Assert.Equal(2_000, PeerSelector.FirstTokenMs(Idle, ask, [], default));
        Assert.Equal(2_300, PeerSelector.FirstTokenMs(Idle with { InteractiveDelayMs = 300 }, ask, [], default));
        Assert.Equal(2_000, PeerSelector.FirstTokenMs(Idle with { BatchDelayMs = 300 }, ask, [], default));
        Assert.Equal(2_007, PeerSelector.FirstTokenMs(Idle, ask, [], new PeerMemory(7, 0, false)));

        // The digest of 2 KiB stands for 512 tokens.
        Assert.Equal(2_000 - 512, PeerSelector.FirstTokenMs(Idle with { PrefixDigests = new ulong[] { 9, 12 } }, ask, [10, 11, 12, 13], default));

        // Four places, four calls of our own there.
        Assert.Equal(2_000 + PeerSelector.WaitingCallMs, PeerSelector.FirstTokenMs(Idle, ask, [], new PeerMemory(0, 4, false)));
    }

    [Fact]
    public void A_conversation_stays_with_the_peer_that_has_its_beginning_at_hand()
    {
        Span<int> chosen = stackalloc int[PeerSelector.ChosenMax];
        for (var seed = 0; seed < 1_000; seed++)
        {
            var dice = new Random(seed);
            var prompt = dice.Next(2_000, 20_000);
            var ask = new PeerAsk("*", "m", Lane.Interactive, prompt, default);
            var warm = dice.Next(5);
            ulong[] digests = [1, 2, 3, 4, 5];
            var chances = Enumerable.Range(0, 5).Select(i => new PeerChance(
                i, PeerSelector.FirstTokenMs(i == warm ? Idle with { PrefixDigests = new ulong[] { 5 } } : Idle, ask, digests, default), false)).ToArray();
            var count = PeerSelector.Choose(chances, (ulong)dice.NextInt64(), chosen);
            Assert.Equal(PeerSelector.ChosenMax, count);
            Assert.Equal(count, chosen.ToArray().Distinct().Count());
            Assert.True(chosen[0] == warm || prompt > 4 * 2_048, $"seed {seed}: {prompt} tokens went to {chosen[0]}, not {warm}");
        }
    }

    [Fact]
    public void Fifty_callers_with_one_stale_picture_make_no_herd()
    {
        const int callers = 50, peers = 10;
        Span<int> chosen = stackalloc int[1];
        for (var seed = 0; seed < 200; seed++)
        {
            var dice = new Random(seed);

            // All about as good; each caller sees them through its own noise of half a status interval.
            var truth = Enumerable.Range(0, peers).Select(_ => 200 + (dice.NextDouble() * 50)).ToArray();
            var loads = new int[peers];
            for (var caller = 0; caller < callers; caller++)
            {
                var chances = truth.Select((ms, i) => new PeerChance(i, ms, false)).ToArray();
                Assert.Equal(1, PeerSelector.Choose(chances, (ulong)dice.NextInt64() ^ ((ulong)dice.NextInt64() << 1), chosen));
                loads[chosen[0]]++;
            }

            // The best alone would get 50 of 50. The better of two random ones gets about two shares of 5; 20 is beyond chance.
            Assert.True(loads.Max() <= 20, $"seed {seed}: {string.Join(' ', loads)}");
            Assert.True(loads.Count(l => l > 0) >= 6, $"seed {seed}: {string.Join(' ', loads)}");
        }
    }

    [Fact]
    public void A_peer_that_is_clearly_worse_comes_only_after_the_better_ones_and_one_that_rests_last()
    {
        PeerChance[] chances = [new(0, 5_000, false), new(1, 100, false), new(2, 90, true), new(3, 110, false)];
        Span<int> chosen = stackalloc int[4];
        for (var dice = 0UL; dice < 64; dice++)
        {
            Assert.Equal(4, PeerSelector.Choose(chances, dice << 58 | dice << 26, chosen));
            Assert.Equal([0, 2], chosen[2..].ToArray());
        }

        Assert.Equal(1, PeerSelector.Choose([new(0, 1, true)], 0, chosen));
        Assert.Equal(0, PeerSelector.Choose([], 0, chosen));
    }

    [Fact]
    public void Who_cannot_or_may_not_is_left_out_for_a_reason()
    {
        var view = new PeerView { Id = "b", Models = [Idle] };
        var ask = new PeerAsk("*", "m", Lane.Interactive, 100, default);
        List<Utf8Slice> none = [];
        Assert.Equal(Unfit.No, PeerSelector.WhyNot(view, Idle, ask, none));
        Assert.Equal(Unfit.No, PeerSelector.WhyNot(view, Idle, ask with { Peer = "b", Numerics = Alike }, none));
        Assert.Equal(Unfit.OtherPeer, PeerSelector.WhyNot(view, Idle, ask with { Peer = "c" }, none));
        Assert.Equal(Unfit.NoSuchModel, PeerSelector.WhyNot(view, null, ask, none));
        Assert.Equal(Unfit.ContextTooSmall, PeerSelector.WhyNot(view, Idle, ask with { PromptTokens = 5_000 }, none));
        Assert.Equal(Unfit.OtherNumerics, PeerSelector.WhyNot(view, Idle, ask with { Numerics = Alike with { Kernels = 9 } }, none));
        Assert.Equal(Unfit.Visited, PeerSelector.WhyNot(view, Idle, ask, [new Utf8Slice("b"u8.ToArray())]));
        foreach (var why in new[] { Ineligible.Suspect, Ineligible.Gone, Ineligible.Draining, Ineligible.Flapping, Ineligible.DuplicateId })
        {
            Assert.Equal(Unfit.NotEligible, PeerSelector.WhyNot(view with { WhyNot = why }, Idle, ask, none));
        }
    }

    [Fact]
    public void Equal_beginnings_have_equal_digests_and_others_do_not()
    {
        Span<ulong> one = stackalloc ulong[PromptDigests.Max], two = stackalloc ulong[PromptDigests.Max];
        var text = new string('a', 5_000);
        Assert.Equal(4, PromptDigests.Write("m", Prompt(text, "b"), one, out var bytes));
        Assert.Equal(5_001, bytes);
        Assert.Equal(4, PromptDigests.Write("m", Prompt(text, "c and more"), two, out _));
        Assert.Equal(one[..4].ToArray(), two[..4].ToArray());
        Assert.Equal(4, PromptDigests.Write("other", Prompt(text, "b"), two, out _));
        Assert.NotEqual(one[0], two[0]);
        Assert.Equal(4, PromptDigests.Write("m", Prompt("x" + text[1..], "b"), two, out _));
        Assert.NotEqual(one[0], two[0]);
        Assert.Equal(0, PromptDigests.Write("m", Prompt("short", ""), two, out _));
        Assert.Equal(PromptDigests.Max, PromptDigests.Write("m", Prompt(new string('a', 3 << 20), ""), two, out _));
    }

    private static ModelRequest Prompt(string first, string second)
    {
        var request = new ModelRequest();
        request.Turns.Add(TurnRole.System, request.Text.Copy(first));
        request.Turns.Add(TurnRole.User, request.Text.Copy(second));
        return request;
    }
}
