using Jesus.Bench.Engine;

// "draw [vocabulary]" and "constraints [file.gguf]" measure what lies beside the model, "together one.gguf two.gguf" two of them,
// "speculation" what guessing ahead brings; anything else the model itself.
if (args is ["together", var one, var two, .. var tokens])
{
    await TogetherBench.RunAsync(one, two, tokens is [var generate] ? int.Parse(generate, System.Globalization.CultureInfo.InvariantCulture) : 64, Console.Out);
    return 0;
}

if (args is ["speculation", .. var speculation])
{
    return await SpeculationBench.RunAsync(speculation, Console.Out);
}

if (args is ["draw", .. var rest])
{
    DrawBench.Run(rest is [var count] ? int.Parse(count, System.Globalization.CultureInfo.InvariantCulture) : 150_000, 500, Console.Out);
    return 0;
}

if (args is ["constraints", .. var files])
{
    ConstraintBench.Run(files is [var file] ? file : "", 150_000, Console.Out);
    return 0;
}

if (BenchOptions.Parse(args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

EngineBench.Run(options, Console.Out);
return 0;
