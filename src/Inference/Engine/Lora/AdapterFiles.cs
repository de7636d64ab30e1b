using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Lora;

/// <summary>
/// The files of one model's adapters while that model is loaded. An adapter that cannot be used fails the calls that name it and nothing else: its base and the others load.
/// </summary>
internal sealed class AdapterFiles : IDisposable
{
    private readonly List<(FileByteSource Source, GgufFile File, long Written)> _open = [];
    private readonly List<LoraGraph> _graphs = [];
    private readonly List<LoadedAdapter> _adapters = [];

    private AdapterFiles()
    {
    }

    /// <summary>What the backend loads, the first as adapter 1.</summary>
    public IReadOnlyList<LoraGraph> Graphs => _graphs;

    /// <summary>All that requests may name, those that cannot be used among them.</summary>
    public IReadOnlyList<LoadedAdapter> Adapters => _adapters;

    public static AdapterFiles Open(string baseName, ModelGraph model, AdapterTable table)
    {
        var files = new AdapterFiles();
        foreach (var adapter in table.Files.Where(file => file.Base == baseName))
        {
            files.Add(adapter, model);
        }

        return files;
    }

    /// <exception cref="GgufException">One of the files was written to since it was opened: what was loaded of it may be of two files.</exception>
    public void CheckUnchanged()
    {
        foreach (var (source, file, written) in _open)
        {
            if (source.WrittenAtTicks != written)
            {
                throw new GgufException(file.Name, 0, "the file", "was written to while it was loaded; load it again when it is whole.");
            }
        }
    }

    public void Dispose() => _open.ForEach(open => open.File.Dispose());

    private void Add(AdapterFile adapter, ModelGraph model)
    {
        try
        {
            if (_graphs.Count == LoraGraph.AdaptersMax)
            {
                throw new IOException($"{adapter.Base} has {LoraGraph.AdaptersMax} adapters in memory already, and no more are kept.");
            }

            var source = new FileByteSource(adapter.Path.Path);
            var file = GgufFile.Open(source, adapter.Path.Path);
            _open.Add((source, file, source.WrittenAtTicks));
            var graph = LoraReader.Read(file, model, adapter.Base);
            var hash = FileHash.Of(source);
            _graphs.Add(graph);
            _adapters.Add(new LoadedAdapter(adapter, _graphs.Count, hash, default));
        }
        catch (Exception error) when (error is GgufException or IOException or UnauthorizedAccessException)
        {
            _adapters.Add(new LoadedAdapter(adapter, 0, default, new ModelError(ErrorCause.Internal, $"The adapter {adapter.Name} cannot be used: {error.Message}")));
        }
    }
}
