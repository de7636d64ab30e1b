using Jesus.Bench.Serving;

// "embeddings ..." measures texts to vectors; anything else answers.
var isVectors = args is ["embeddings", ..];
if (ServingOptions.Parse(isVectors ? args[1..] : args, out var problem) is not { } options)
{
    await Console.Error.WriteLineAsync(problem);
    return 2;
}

await (isVectors ? EmbeddingBench.RunAsync(options, Console.Out) : ServingBench.RunAsync(options, Console.Out));
return 0;
