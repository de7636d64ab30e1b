using Jesus.Inference.Engine.Batching.Speculation;

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
            draft.Met(isRight: false);
        }

        Assert.Equal(0, DraftPolicy.Length(draft.Acceptance, 8, 1, 1, costs));
        for (var i = 0; i < 10; i++)
        {
            draft.Met(isRight: true);
        }

        Assert.True(DraftPolicy.Length(draft.Acceptance, 8, 1, 1, costs) > 0);
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
