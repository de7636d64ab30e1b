using Jesus.Bench.Load;

if (LoadOptions.Parse(args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

LoadBench.Run(options, Console.Out);
return 0;
