using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>The hash of a model's file that need not be known before the model answers.</summary>
internal sealed record LateHash(string Path, ModelSource Source, FileStamp? Stamp, long WrittenAt, ulong TemplateHash, HashCache Hashes)
{
    /// <summary>Computes it beside the model's first answers, on a thread that yields to them. The file is closed afterwards.</summary>
    public void Begin(GgufFile file, LoadedModel model) => new Thread(() => Run(file, model)) { IsBackground = true, Name = "hashing" }.Start();

    /// <summary>Notes a hash for the next start, where the file is still the one that was hashed.</summary>
    public void Keep(byte[] hash)
    {
        if (Stamp is { } stamp && Source.Stamp == Stamp && !Hashes.TryGet(Path, stamp, out _))
        {
            Hashes.Put(Path, stamp, new FileFacts(hash, TemplateHash));
        }
    }

    private void Run(GgufFile file, LoadedModel model)
    {
        using (file)
        {
            try
            {
                var hash = LowPriority.Get("hashing", () => FileHash.Of(Source));
                if (Source.WrittenAt == WrittenAt)
                {
                    model.SetHash(hash);
                    Keep(hash);
                }
            }
            catch (IOException)
            {
                // Unreadable now: the profile stays unknown, which is what unknown means.
            }
        }
    }
}
