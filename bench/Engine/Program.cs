using Jesus.Bench.Engine;

// "draw [vocabulary]", "constraints [file.gguf]" and "tokenizers FOLDER file.gguf ..." measure what lies beside the model, "together one.gguf two.gguf" two of
// them, "speculation" what guessing ahead brings; anything else the model itself.
if (args is ["together", var one, var two, .. var tokens])
{
    try
    {
        await TogetherBench.RunAsync(one, two, tokens is [var generate] ? int.Parse(generate, System.Globalization.CultureInfo.InvariantCulture) : 64, Console.Out);
        return 0;
    }
    catch (InvalidOperationException wrong)
    {
        await Console.Error.WriteLineAsync(wrong.Message);
        return 1;
    }
}

if (args is ["speculation", .. var speculation])
{
    return await SpeculationBench.RunAsync(speculation, Console.Out);
}

if (args is ["tokenizers", var folder, .. var vocabularies])
{
    TokenizerBench.Run(folder, vocabularies, Console.Out);
    return 0;
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
