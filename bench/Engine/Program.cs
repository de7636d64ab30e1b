using Jesus.Bench.Engine;

if (BenchOptions.Parse(args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

EngineBench.Run(options, Console.Out);
return 0;
