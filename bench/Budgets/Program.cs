namespace Jesus.Bench.Budgets;

/// <summary>
/// What budgets and admission cost, and whether they hold. Arguments: <c>--tiny</c> runs all of it in seconds, for the tests; <c>spend FOLDER SEED</c> spends
/// from a journal until it is killed, saying each cost on a line before the next call, for the tests of kill -9.
/// </summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["spend", var folder, var seed])
        {
            await Spender.RunAsync(folder, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture));
            return 0;
        }

        return await RunAsync(Console.Out, tiny: args.Contains("--tiny")) ? 0 : 1;
    }

    /// <returns>False when a cap was passed or something was allocated that must not be.</returns>
    public static async Task<bool> RunAsync(TextWriter output, bool tiny)
    {
        var holds = await HotPathBench.RunAsync(output, tiny);
        holds &= await StormBench.RunAsync(output, tiny);
        await OverloadBench.RunAsync(output, tiny);
        return holds;
    }
}
