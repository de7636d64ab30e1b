using System.Globalization;
using Jesus.Bench.Engine;
using Jesus.Inference.Engine.Gguf;

try
{
    return await RunAsync(args);
}
catch (Exception wrong) when (wrong is InvalidOperationException or GgufException or IOException or UnauthorizedAccessException)
{
    // A model or a text that cannot be used.
    await Console.Error.WriteLineAsync(wrong.Message);
    return 1;
}

// "draw [vocabulary]", "constraints [file.gguf]" and "tokenizers FOLDER file.gguf ..." measure what lies beside the model, "together one.gguf two.gguf" two of
// them, "speculation" what guessing ahead brings; anything else the model itself.
static async Task<int> RunAsync(string[] args)
{
    if (args is ["together", var one, var two, .. var tokens])
    {
        await TogetherBench.RunAsync(one, two, tokens is [var generate] ? int.Parse(generate, CultureInfo.InvariantCulture) : 64, Console.Out);
        return 0;
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
        DrawBench.Run(rest is [var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 150_000, 500, Console.Out);
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
}
