using Jesus.Bench.Serving;

if (ServingOptions.Parse(args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

await ServingBench.RunAsync(options, Console.Out);
return 0;
