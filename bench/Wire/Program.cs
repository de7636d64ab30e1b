using Jesus.Bench.Wire;

if (WireBenchOptions.Parse(args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

WireBench.Run(options, Console.Out);
return 0;
