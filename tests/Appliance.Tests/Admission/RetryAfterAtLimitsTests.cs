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
}
