using Jesus.Inference.Engine.Batching.Speculation;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.Batching;

public sealed class SpeculationTests
{
    [Fact]
    public void What_followed_the_longest_equal_end_before_is_guessed_again() => Assert.Equal([5, 6, 7], Guess([1, 2, 3, 4, 5, 6, 7, 9, 3, 4, 8, 2, 3, 4], 3));

    [Fact]
    public void Of_equal_matches_the_last_one_counts() => Assert.Equal([8], Guess([1, 2, 7, 0, 1, 2, 8, 0, 1, 2], 1));

    [Fact]
    public void A_guess_goes_on_with_the_period_of_its_text() => Assert.Equal([1, 2, 3, 1, 2, 3, 1], Guess([1, 2, 3, 1, 2, 3], 7));

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 1 })]
    [InlineData(new[] { 1, 2, 3, 4, 5, 1 })]
    public void Without_an_equal_end_there_is_no_guess(int[] tokens) => Assert.Empty(Guess(tokens, 4));

    [Fact]
    public void Guesses_are_computed_where_rows_cost_little_and_left_where_they_cost_as_much_as_they_gain()
    {
        var memory = Costs(rows => 0.030 + (0.001 * rows));
        var arithmetic = Costs(rows => 0.002 + (0.010 * rows));
        Assert.Equal(8, DraftPolicy.Length(0.9, 8, 1, 1, memory));
        Assert.InRange(DraftPolicy.Length(0.5, 8, 1, 1, memory), 1, 6);
        Assert.Equal(0, DraftPolicy.Length(0.02, 8, 1, 1, memory));
        Assert.Equal(0, DraftPolicy.Length(0.7, 8, 1, 1, arithmetic));
    }

    [Fact]
    public void The_more_answers_share_a_pass_the_more_a_guess_must_promise()
    {
        var costs = Costs(rows => 0.030 + (0.002 * rows));
        Assert.True(DraftPolicy.Length(0.3, 8, 1, 1, costs) > 0);
        Assert.Equal(0, DraftPolicy.Length(0.3, 8, 16, 16, costs));
    }

    [Fact]
    public void A_sequence_whose_guesses_fail_stops_and_begins_again_when_they_would_have_been_right()
    {
        var costs = Costs(rows => 0.030 + (0.002 * rows));
        var draft = new Draft();
        draft.Begin();
        for (var i = 0; i < 40; i++)
        {
            draft.Lookup.Met(isRight: false);
        }

        Assert.Equal(0, DraftPolicy.Length(draft.Lookup.Share, 8, 1, 1, costs));
        for (var i = 0; i < 10; i++)
        {
            draft.Lookup.Met(isRight: true);
        }

        Assert.True(DraftPolicy.Length(draft.Lookup.Share, 8, 1, 1, costs) > 0);
    }

    [Fact]
    public void The_draft_model_guesses_as_far_as_its_own_passes_are_paid_for()
    {
        var costs = Costs(rows => 0.050 + (0.002 * rows));
        var cheap = Costs(rows => 0.004 + (0.0005 * rows));
        var dear = Costs(rows => 0.045 + (0.001 * rows));
        var far = DraftPolicy.Together([0.9], 8, 8, 1, 1, costs, cheap);
        var near = DraftPolicy.Together([0.5], 8, 8, 1, 1, costs, cheap);
        Assert.InRange(far.Length, 5, 8);
        Assert.InRange(near.Length, 1, 3);
        Assert.True(far.Seconds < near.Seconds && near.Seconds < costs.Seconds(1));
        Assert.Equal(new DraftPlan(0, 0, costs.Seconds(1)), DraftPolicy.Together([0.9], 8, 8, 1, 1, costs, dear));
        Assert.Equal(0, DraftPolicy.Together([0.05], 8, 8, 1, 1, costs, cheap).Length);
        Assert.Equal(0, DraftPolicy.Together([], 8, 8, 1, 1, costs, cheap).Length);
    }

    [Fact]
    public void The_draft_model_leaves_those_out_who_are_seldom_right_and_a_pass_that_is_wide()
    {
        var costs = Costs(rows => 0.030 + (0.006 * rows));
        var draft = Costs(rows => 0.003 + (0.0005 * rows));
        var plan = DraftPolicy.Together([0.9, 0.9, 0.1, 0.05], 8, 32, 4, 4, costs, draft);
        Assert.Equal(2, plan.Sequences);
        Assert.True(plan.Length > 0);
        Assert.True(DraftPolicy.Together([0.7], 8, 8, 1, 1, costs, draft).Length > 0);
        Assert.Equal(0, DraftPolicy.Together([0.7], 8, 8, 16, 16, Costs(rows => 0.010 + (0.010 * rows)), draft).Length);
    }

    [Fact]
    public void The_rows_that_a_pass_has_left_bound_the_guesses_of_all_together()
    {
        var costs = Costs(rows => 0.050 + (0.001 * rows));
        var draft = Costs(rows => 0.001);
        var plan = DraftPolicy.Together([0.9, 0.9, 0.9], 8, 7, 3, 3, costs, draft);
        Assert.InRange(plan.Sequences * plan.Length, 1, 7);
    }

    [Fact]
    public void A_track_keeps_of_what_it_ran_ahead_what_the_sequence_became()
    {
        var pool = new KvBlockPool(8);
        var track = new DraftTrack(pool);
        int[] tokens = [1, 2, 3];
        track.Follow(tokens);
        Assert.True(track.TryReserve(6));
        track.Read(3);
        track.RanAhead(4);
        track.RanAhead(5);
        track.Follow([1, 2, 3, 4, 9]);
        Assert.Equal(4, track.Computed);
        track.Read(1);
        track.RanAhead(7);
        track.Follow([1, 2, 3, 4, 9, 7]);
        Assert.Equal(6, track.Computed);
        track.Rest(6);
        Assert.Equal((0, 0, 8), (track.Computed, pool.Used, pool.Free));
        Assert.True(track.IsResting(50));
        Assert.False(track.WakesUp(53));
        Assert.True(track.WakesUp(54));
        Assert.False(track.WakesUp(55));
    }

    [Fact]
    public void A_track_finds_again_what_it_let_go_of()
    {
        var pool = new KvBlockPool(8);
        var track = new DraftTrack(pool);
        var tokens = Enumerable.Range(0, 50).ToArray();
        Assert.True(track.TryReserve(50));
        track.Read(50);
        track.Follow(tokens);
        track.Release();
        track.Follow(tokens);
        Assert.Equal(48, track.Computed);
    }

    [Fact]
    public void Lookup_finds_back_although_the_draft_models_guess_took_its_place()
    {
        var draft = new Draft();
        var all = new Acceptance(1.0 / 64);
        draft.Begin();
        draft.Lookup.Begin(0.1);
        draft.Room[0] = 5;
        draft.Set(1);
        draft.Add(6, all);
        draft.Add(7, all);
        Assert.Equal([6, 7], draft.Tokens);
        Assert.False(draft.Meets(0, 5));
        Assert.True(draft.Lookup.Share > 0.1 && draft.Model.Share < Acceptance.AtFirst && all.Share < Acceptance.AtFirst);
        var share = draft.Model.Share;
        Assert.True(draft.Meets(0, 6) && draft.Meets(1, 7));
        Assert.True(draft.Model.Share > share);
    }

    private static PassCosts Costs(Func<int, double> seconds)
    {
        var costs = new PassCosts();
        for (var rows = 1; rows <= 48; rows++)
        {
            costs.Passed(rows, seconds(rows));
        }

        return costs;
    }

    private static int[] Guess(int[] tokens, int length)
    {
        var guess = new int[length];
        return guess[..PromptLookup.Propose(tokens, guess)];
    }
}
