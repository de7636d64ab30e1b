using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>The models that lie in a folder: each <c>*.gguf</c> under its name without the ending, the parts of a split one under what stands before their numbers.</summary>
public static class ModelFolder
{
    private const string Ending = ".gguf";

    /// <summary>Paths by name, a split model's that of its first part, whether that is there or not. A file of its own goes before a split one of the same name.</summary>
    public static Dictionary<string, string> Read(string folder)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!Directory.Exists(folder))
        {
            return files;
        }

        foreach (var path in Directory.EnumerateFiles(folder, "*" + Ending).Order(StringComparer.Ordinal))
        {
            if (!SplitName.TryParse(path, out var part))
            {
                files[Path.GetFileNameWithoutExtension(path)] = path;
            }
            else if (!Path.Exists(part.Stem + Ending))
            {
                _ = files.TryAdd(part.Model, part.PathOf(1));
            }
        }

        return files;
    }

    /// <summary>One of them; null where there is none. A name is never a path.</summary>
    public static string? Find(string folder, string name)
    {
        if (name.Length == 0 || name.AsSpan().IndexOfAny("/\\\0") >= 0 || !Directory.Exists(folder))
        {
            return null;
        }

        var path = Path.Combine(folder, name + Ending);
        if (Path.Exists(path) && !SplitName.TryParse(path, out _))
        {
            return path;
        }

        // What the name holds of wildcards only widens the look.
        return Directory.EnumerateFiles(folder, $"{name}-*-of-*{Ending}").Order(StringComparer.Ordinal)
            .Select(file => SplitName.TryParse(file, out var part) && part.Model == name ? part.PathOf(1) : null).FirstOrDefault(file => file is not null);
    }

    /// <summary>Bytes of all files of a model that are there, and when one of them was written last; nothing where none is.</summary>
    public static (long Bytes, long WrittenAtTicks) Measure(string path)
    {
        var (bytes, written) = (0L, 0L);
        foreach (var part in SplitName.PartsOf(path))
        {
            if (new FileInfo(part) is { Exists: true } info)
            {
                bytes += info.Length;
#pragma warning disable RS0030 // A model file's own time is no clock's.
                written = Math.Max(written, info.LastWriteTimeUtc.Ticks);
#pragma warning restore RS0030
            }
        }

        return (bytes, written);
    }
}
