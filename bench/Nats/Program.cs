using Jesus.Bench.Nats;

if (NatsBenchOptions.Parse(args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

await NatsBench.RunAsync(options, Console.Out);
return 0;
