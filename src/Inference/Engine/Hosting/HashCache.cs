using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>What of a numerics profile follows from a file's bytes alone.</summary>
/// <param name="Sha256">32 bytes.</param>
/// <param name="TemplateHash">As <see cref="Contract.NumericsProfile.TemplateHash"/>.</param>
internal readonly record struct FileFacts(ReadOnlyMemory<byte> Sha256, ulong TemplateHash);

/// <summary>
/// Hashes of model files, kept over restarts: a file whose <see cref="FileStamp"/> is the same need not be read again. One text file, a line a model, closed by its own hash:
/// what is not exactly as it was written is ignored and written anew. Any thread.
/// </summary>
internal sealed class HashCache(string? path)
{
    /// <summary>Far more files than a box has; past it an arbitrary one is forgotten, which costs a hash.</summary>
    private const int EntriesMax = 1_024;

    /// <summary>1,024 entries of a path of the longest kind.</summary>
    private const long FileBytesMax = 8L << 20;

    private const string Title = "jesus model hashes 1";
    private const string Seal = "sealed ";

    private readonly Lock _gate = new();
    private Dictionary<string, Entry>? _entries;

    private readonly record struct Entry(FileStamp Stamp, FileFacts Facts);

    /// <summary>What is known of the file that lies there with this stamp.</summary>
    public bool TryGet(string file, in FileStamp stamp, out FileFacts facts)
    {
        lock (_gate)
        {
            facts = Entries().TryGetValue(file, out var entry) && entry.Stamp == stamp ? entry.Facts : default;
            return !facts.Sha256.IsEmpty;
        }
    }

    /// <summary>Notes and writes it; a disk that refuses costs only the next start a hash.</summary>
    public void Put(string file, in FileStamp stamp, in FileFacts facts)
    {
        if (file.AsSpan().IndexOfAny('\n', '\r') >= 0)
        {
            return;
        }

        lock (_gate)
        {
            var entries = Entries();
            if (entries.Count >= EntriesMax && !entries.ContainsKey(file))
            {
                _ = entries.Remove(entries.Keys.First());
            }

            entries[file] = new Entry(stamp, facts);
            Write(entries);
        }
    }

    private Dictionary<string, Entry> Entries() => _entries ??= Read() ?? new Dictionary<string, Entry>(StringComparer.Ordinal);

#pragma warning disable RS0030 // A cache beside the state: lost or torn it is only rebuilt.
    private Dictionary<string, Entry>? Read()
    {
        try
        {
            return path is null || !File.Exists(path) || new FileInfo(path).Length > FileBytesMax ? null : Parse(File.ReadAllText(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Write(Dictionary<string, Entry> entries)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            File.WriteAllText(path + ".part", Format(entries));
            File.Move(path + ".part", path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // As said: it costs the next start a hash.
        }
    }
#pragma warning restore RS0030

    private static string Format(Dictionary<string, Entry> entries)
    {
        var text = new StringBuilder(Title).Append('\n');
        foreach (var (file, (stamp, facts)) in entries)
        {
            _ = text.Append(CultureInfo.InvariantCulture,
                $"{Convert.ToHexStringLower(facts.Sha256.Span)} {facts.TemplateHash} {stamp.Device} {stamp.Inode} {stamp.Length} {stamp.WrittenNs} {stamp.ChangedNs} {file}\n");
        }

        var body = text.ToString();
        return $"{body}{Seal}{HashOf(body)}\n";
    }

    private static Dictionary<string, Entry>? Parse(string text)
    {
        var seal = text.LastIndexOf('\n' + Seal, StringComparison.Ordinal) + 1;
        if (seal == 0 || text[(seal + Seal.Length)..].TrimEnd('\n') != HashOf(text[..seal]))
        {
            return null;
        }

        var lines = text[..seal].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        foreach (var line in lines.Skip(1).Take(EntriesMax))
        {
            if (lines[0] != Title || !TryParse(line, out var file, out var entry))
            {
                return null;
            }

            entries[file] = entry;
        }

        return entries;
    }

    private static bool TryParse(string line, out string file, out Entry entry)
    {
        var words = line.Split(' ', 8);
        entry = default;
        file = words[^1];
        if (words.Length != 8 || words[0].Length != 64 || !TryHex(words[0], out var hash)
            || !ulong.TryParse(words[1], CultureInfo.InvariantCulture, out var template)
            || !ulong.TryParse(words[2], CultureInfo.InvariantCulture, out var device)
            || !ulong.TryParse(words[3], CultureInfo.InvariantCulture, out var inode)
            || !long.TryParse(words[4], CultureInfo.InvariantCulture, out var length)
            || !long.TryParse(words[5], CultureInfo.InvariantCulture, out var written)
            || !long.TryParse(words[6], CultureInfo.InvariantCulture, out var changed))
        {
            return false;
        }

        entry = new Entry(new FileStamp(device, inode, length, written, changed), new FileFacts(hash, template));
        return true;
    }

    private static bool TryHex(string text, out byte[] bytes)
    {
        bytes = new byte[text.Length / 2];
        return Convert.FromHexString(text, bytes, out _, out var written) == System.Buffers.OperationStatus.Done && written == bytes.Length;
    }

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
