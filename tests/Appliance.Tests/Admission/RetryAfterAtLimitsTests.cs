namespace Jesus.Appliance.Tests.Admission;

/// <summary>What a refusal at a limit without a queue tells, over many histories in simulated time.</summary>
public sealed class RetryAfterAtLimitsTests
{
    [Theory]
    [InlineData(false, 1.0, 0)]
    [InlineData(false, 0.5, 0)]
    [InlineData(false, 0.05, 0.002)]
    [InlineData(true, 1.0, 0)]
    [InlineData(true, 0.5, 0)]
    [InlineData(true, 0.05, 0.06)] // One large call in twenty comes back, or two at once.
    public void Who_comes_back_as_told_is_let_in_at_four_times_a_minute_s_worth(bool ofTokens, double obeying, double turnedAwayMax)
    {
        var (letIn, turnedAway, least) = (0, 0, 1.0);
        List<double> ratios = [];
        for (var seed = 1; seed <= 40; seed++)
        {
            var crowd = new CrowdAtTheGate(seed, obeying, ofTokens).Play();
            letIn += crowd.LetIn;
            turnedAway += crowd.TurnedAwayAgain;
            least = Math.Min(least, crowd.Used);
            ratios.AddRange(crowd.Ratios);
        }

        ratios.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{letIn} let in, {turnedAway} turned away again; entry over told 50% {ratios[ratios.Count / 2]:F2}, 95% {ratios[ratios.Count * 19 / 20]:F2}; least use {least:F2}");
        Assert.True(letIn > 400, $"only {letIn} came back: no overload");
        Assert.True(turnedAway <= turnedAwayMax * letIn, $"{turnedAway} were turned away when they came back as told, {letIn} let in");

        // What is kept for those who never come is used a little later: nothing the limit allows is lost.
        Assert.True(least >= 0.85, $"only {least:P0} of what the limit allows was used");
    }

    [Theory]
    [InlineData(false, false, 1.0, true, 0.13)]
    [InlineData(false, true, 1.0, false, 0.4)] // Whole seconds bunch them, where a few places last less than one.
    [InlineData(false, false, 0.5, true, 0.09)]
    [InlineData(false, true, 0.05, false, 0.35)]
    [InlineData(true, false, 1.0, true, 0.03)]
    [InlineData(true, true, 1.0, false, 0.3)]
    [InlineData(true, false, 0.5, true, 0.08)]
    [InlineData(true, true, 0.05, false, 0.2)]
    public void Who_comes_back_as_told_has_a_place_at_four_times_the_calls_in_progress(bool inAll, bool isUneven, double obeying, bool knowsMs, double turnedAwayMax)
    {
        var (letIn, turnedAway) = (0, 0);
        List<double> ratios = [];
        List<double> uses = [];
        for (var seed = 1; seed <= 20; seed++)
        {
            var crowd = new CrowdAtThePlaces(seed, obeying, inAll, isUneven, knowsMs).Play();
            letIn += crowd.LetIn;
            turnedAway += crowd.TurnedAwayAgain;
            uses.Add(crowd.Used);
            ratios.AddRange(crowd.Ratios);
        }

        ratios.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{letIn} let in, {turnedAway} turned away again; entry over told 50% {ratios[ratios.Count / 2]:F2}, 95% {ratios[ratios.Count * 19 / 20]:F2}; least use {uses.Min():F2}, mean {uses.Average():F2}");
        Assert.True(letIn > 400, $"only {letIn} came back: no overload");
        Assert.True(turnedAway <= turnedAwayMax * letIn, $"{turnedAway} were turned away when they came back as told, {letIn} let in");

        // The rest is what is kept for those that come back a moment late, or never.
        Assert.True(uses.Min() >= 0.35 && uses.Average() >= 0.6, $"of the places only {uses.Min():P0} were used, {uses.Average():P0} in the mean");
    }
}
