using System.Text;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class ShownAnswerTests
{
    private static readonly Candidate Somebody = new(FakeAdapter.Saying("a", "x"), "m", new CandidateTraits());
    private readonly ShownAnswer _shown = new();

    [Fact]
    public void What_comes_again_after_the_last_token_is_dropped_even_in_other_pieces()
    {
        _shown.Begin(isKept: true, default, default);
        Assert.Equal(0, _shown.Take(Text("one", 1)));
        Assert.Equal(0, _shown.Take(Text("two")));
        Lose();
        Assert.Equal(2, _shown.Take(Text("tw")));
        Assert.Equal(1, _shown.Take(Text("othree", 2, 3)));
        Assert.Equal(0, _shown.Take(Text("four")));
        Assert.Equal([1, 2, 3], _shown.Tokens.ToArray());
        Lose();
        Assert.Equal(4, _shown.Take(Text("fourfive")));
    }

    [Fact]
    public void A_rescuer_lost_while_it_says_again_what_was_said_leaves_as_much_to_drop_to_the_next()
    {
        _shown.Begin(isKept: true, default, default);
        _ = _shown.Take(Text("a long text"));
        Lose();
        Assert.Equal(6, _shown.Take(Text("a long", 1)));
        Lose();
        Assert.Equal(5, _shown.Take(Text(" text and more")));
    }

    [Fact]
    public void Tokens_beyond_the_limit_are_not_kept_and_their_text_is_dropped_when_it_comes_again()
    {
        _shown.Begin(isKept: true, default, default);
        var item = Text("x", [.. Enumerable.Range(0, 1_000)]);
        for (var i = 0; i < 150; i++)
        {
            Assert.Equal(0, _shown.Take(item));
        }

        Assert.Equal(ShownAnswer.TokensMax / 1_000 * 1_000, _shown.Tokens.Length);
        Lose();
        Assert.Equal(150 - (ShownAnswer.TokensMax / 1_000), _shown.Take(Text(new string('x', 100))));
    }

    [Fact]
    public void Tokens_that_the_request_came_with_stand_before_its_own()
    {
        _shown.Begin(isKept: true, [7, 8], default);
        _ = _shown.Take(Text("x", 9));
        Assert.Equal([7, 8, 9], _shown.Tokens.ToArray());
        Assert.Equal((1, 2), (_shown.OwnCount, _shown.GivenCount));
    }

    [Fact]
    public void A_call_that_nobody_could_rescue_keeps_nothing()
    {
        _shown.Begin(isKept: false, [7, 8], default);
        Assert.Equal(0, _shown.Take(Text("x", 9)));
        Assert.True(_shown.Tokens.IsEmpty);
    }

    private void Lose()
    {
        _shown.Lose(Somebody, new NumericsProfile(1, 2, 3, 4), 0, new ModelError(ErrorCause.Cut, "gone"));
        _shown.BeginRescue();
    }

    private static ModelEvent Text(string text, params int[] ids) =>
        new() { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(text), Tokens = new TokenSpan(ids, default) };
}
