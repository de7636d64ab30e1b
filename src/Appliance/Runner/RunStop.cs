namespace Jesus.Appliance.Runner;

/// <summary>The end of runs with the daemon: their steps end, or are cancelled in time to say what they spent.</summary>
internal static class RunStop
{
    /// <summary>How long a stop waits until the steps that it cancelled have said what they spent. 2 s: an upstream is closed at once, the engine at its next step.</summary>
    private static readonly TimeSpan CutGrace = TimeSpan.FromSeconds(2);

    /// <param name="grace">How long steps in progress may take before they are cancelled.</param>
    public static async Task StopAsync(IReadOnlyList<RunDriver> drivers, TimeSpan grace, TimeProvider time)
    {
        foreach (var driver in drivers)
        {
            driver.Park(cancel: false);
        }

        await WaitAsync(() => drivers.All(driver => driver.InProgress == 0), grace, time);
        foreach (var driver in drivers)
        {
            driver.Park(cancel: true);
        }

        // What was cut has been paid until then, and that must reach the journal.
        await WaitAsync(() => drivers.All(driver => driver.IsIdle), CutGrace, time);
        foreach (var driver in drivers)
        {
            driver.Dispose();
        }
    }

    private static async Task WaitAsync(Func<bool> isSo, TimeSpan limit, TimeProvider time)
    {
        var began = time.GetTimestamp();
        while (!isSo() && time.GetElapsedTime(began) < limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time);
        }
    }
}
