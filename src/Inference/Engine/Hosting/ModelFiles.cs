using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>Which model files there are: the folder's as they lie there now, and the configured paths. Any thread.</summary>
internal sealed class ModelFiles(ModelHostOptions options, AdapterTable adapters)
{
    /// <summary>By name.</summary>
    public Dictionary<string, ModelPath> All()
    {
        var files = new Dictionary<string, ModelPath>(StringComparer.Ordinal);
        if (options.ModelsFolder is { } folder)
        {
            foreach (var (name, path) in ModelFolder.Read(folder).Where(file => !adapters.HasFile(file.Value)))
            {
                files[name] = new ModelPath(path);
            }
        }

        foreach (var (name, path) in options.Paths)
        {
            files[name] = path;
        }

        return files;
    }

    /// <summary>One of them; a name is never a path.</summary>
    public ModelPath? Find(string name)
    {
        if (options.Paths.TryGetValue(name, out var configured))
        {
            return configured;
        }

        return options.ModelsFolder is { } folder && ModelFolder.Find(folder, name) is { } path && !adapters.HasFile(path) ? new ModelPath(path) : null;
    }

    /// <summary>Takes a file, all its parts, or the links to them, out of the models folder; what lies elsewhere is not the engine's to delete.</summary>
    public ModelError Delete(string name)
    {
        if (Find(name) is not { } file)
        {
            return new ModelError(ErrorCause.ModelNotFound, $"There is no model \"{name}\" on this box; `jesus models ls` lists those that there are.");
        }

        if (options.Paths.ContainsKey(name))
        {
            return new ModelError(ErrorCause.Refused, $"{name} lies at {file.Path}, outside the models folder; delete it there.");
        }

        try
        {
#pragma warning disable RS0030 // A model file is a person's, no stored state.
            // The first goes last: what a disk keeps back is still found under the name.
            foreach (var part in SplitName.PartsOf(file.Path).Reverse())
            {
                File.Delete(part);
            }

#pragma warning restore RS0030
            return default;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new ModelError(ErrorCause.Internal, $"{file.Path} cannot be deleted: {error.Message}");
        }
    }
}
