using System.Globalization;
using System.Text;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Security;

/// <summary>Names of the box's accounts by user id, from /etc/passwd as it was at the start. An id that is not there keeps its number: <c>uid-1000</c>.</summary>
public sealed class LocalUsers
{
    /// <summary>More than any box has in the file; larger directories answer through NSS, which we do not ask.</summary>
    private const int FileBytesMax = 1 << 20;

    private readonly Dictionary<uint, string> _names = [];

    public LocalUsers(IDisk disk, string path = "/etc/passwd")
    {
        if (!disk.FileExists(path))
        {
            return;
        }

        using var file = disk.Open(path, DiskOpen.Read);
        var bytes = new byte[Math.Min(file.Length, FileBytesMax)];
        var text = Encoding.UTF8.GetString(bytes.AsSpan(0, file.Read(0, bytes)));
        foreach (var line in text.Split('\n'))
        {
            var fields = line.Split(':'); // passwd(5): name, password, uid, ...
            if (fields.Length > 3 && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var uid))
            {
                _names.TryAdd(uid, fields[0]);
            }
        }
    }

    public string NameOf(uint uid) => _names.TryGetValue(uid, out var name) ? name : string.Create(CultureInfo.InvariantCulture, $"uid-{uid}");
}
