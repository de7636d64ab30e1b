using System.Text;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner;

/// <summary>Notes of runs as files: <c>runs/RUN/NOTE.txt</c> under the state folder, one line an append, on the disk when it returns.</summary>
public sealed class RunNotes(IDisk disk, string folder) : IRunNotes
{
    private readonly Lock _gate = new();

    public long Append(string runId, string note, string line)
    {
        lock (_gate)
        {
            var path = Path.Combine(Folder(runId), note + ".txt");
            var isNew = !disk.FileExists(path);
            using var file = disk.Open(path, DiskOpen.OpenOrCreate);
            var at = file.Length;
            file.Write(at, Encoding.UTF8.GetBytes(line + "\n"));
            file.Sync();
            if (isNew)
            {
                disk.SyncDirectory(Path.GetDirectoryName(path)!);
            }

            return file.Length;
        }
    }

    private string Folder(string runId)
    {
        var path = Path.Combine(folder, runId);
        if (!disk.DirectoryExists(path))
        {
            disk.CreateDirectory(path);
            disk.SyncDirectory(folder);
            disk.SyncDirectory(Path.GetDirectoryName(folder)!);
        }

        return path;
    }
}
