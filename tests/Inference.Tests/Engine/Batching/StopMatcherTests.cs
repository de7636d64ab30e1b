using System.Text;
using Jesus.Inference.Engine.Batching;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Engine.Batching;

public sealed class StopMatcherTests(ITestOutputHelper output)
{
    [Fact]
    public void A_stop_string_across_pieces_is_found_and_never_shown() => Assert.Equal(("hello ", true), Feed(["STOP"], "hello S", "TO", "P world"));

    [Fact]
    public void What_looked_like_a_stop_string_but_is_none_comes_out() => Assert.Equal(("hello STORY", false), Feed(["STOP"], "hello S", "TO", "RY"));

    [Fact]
    public void A_stop_string_that_overlaps_itself_is_found() => Assert.Equal(("a", true), Feed(["aab"], "aa", "ab"));

    [Fact]
    public void The_earliest_of_several_wins() => Assert.Equal(("x", true), Feed(["END", "yE"], "xyEND"));

    [Fact]
    public void Text_that_cannot_begin_a_stop_string_is_not_held_back()
    {
        var matcher = new StopMatcher();
        matcher.Begin([Slice("\n\n")]);
        var released = new ByteBuffer();
        matcher.Feed("abc\n"u8, released);
        Assert.Equal("abc", Encoding.UTF8.GetString(released.Span));
    }

    [Fact]
    public void Whatever_the_cuts_the_text_ends_before_the_first_stop_string()
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var stops = Enumerable.Range(0, random.Next(1, 4)).Select(_ => RandomText(random, 4)).ToArray();
            var text = RandomText(random, 20);
            var first = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
            // A stop string is found as soon as it is complete, so another that begins earlier but ends later is not waited for.
            var pieces = text.Select(letter => letter.ToString()).ToArray();
            var ends = stops.Select(stop => (At: text.IndexOf(stop, StringComparison.Ordinal), stop.Length)).Where(hit => hit.At >= 0).ToArray();
            var firstEnd = ends.Length == 0 ? -1 : ends.Min(hit => hit.At + hit.Length);
            var expected = ends.Length == 0 ? text : text[..ends.Where(hit => hit.At + hit.Length == firstEnd).Min(hit => hit.At)];
            Assert.True((expected, first >= 0) == Feed(stops, pieces), $"seed {seed}, case {i}: \"{text}\" with {string.Join(',', stops)}");
        }
    }

    private static string RandomText(Random random, int lengthMax) => new([.. Enumerable.Range(0, random.Next(1, lengthMax + 1)).Select(_ => "abc"[random.Next(3)])]);

    private static Utf8Slice Slice(string text) => new(Encoding.UTF8.GetBytes(text));

    private static (string Text, bool IsStopped) Feed(string[] stops, params string[] pieces)
    {
        var matcher = new StopMatcher();
        matcher.Begin([.. stops.Select(Slice)]);
        var released = new ByteBuffer();
        foreach (var piece in pieces)
        {
            matcher.Feed(Encoding.UTF8.GetBytes(piece), released);
        }

        matcher.Flush(released);
        return (Encoding.UTF8.GetString(released.Span), matcher.IsStopped);
    }
}
