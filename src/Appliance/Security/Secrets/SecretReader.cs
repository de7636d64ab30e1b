using System.Text;
using Jesus.Appliance.Storage;

namespace Jesus.Appliance.Security.Secrets;

/// <summary>
/// Reads what a configuration refers to: <c>env:NAME</c> or <c>file:/path</c> (a systemd credential is a file too). Secrets never stand in the
/// configuration itself.
/// </summary>
public sealed class SecretReader(IDisk disk, Func<string, string?> environment)
{
    /// <summary>Keys, tokens and passwords are far smaller; a larger file is the wrong file.</summary>
    private const int FileBytesMax = 64 * 1024;

    /// <returns>The secret, or what is wrong with the reference; the error never contains a secret.</returns>
    public (Secret? Secret, string? Error) Read(string reference)
    {
        if (reference.StartsWith("env:", StringComparison.Ordinal))
        {
            var name = reference["env:".Length..];
            return environment(name) is { Length: > 0 } value
                ? (new Secret(value), null)
                : (null, $"The environment variable {name} is not set; set it, or name a file with file:/path.");
        }

        return reference.StartsWith("file:/", StringComparison.Ordinal)
            ? ReadFile(reference["file:".Length..])
            : (null, "A secret is named, not written: use env:NAME or file:/path.");
    }

    private (Secret? Secret, string? Error) ReadFile(string path)
    {
        try
        {
            using var file = disk.Open(path, DiskOpen.Read);
            if (file.Length is 0 or > FileBytesMax)
            {
                return (null, $"The secret file {path} has {file.Length} bytes; 1 to {FileBytesMax} are allowed.");
            }

            var bytes = new byte[file.Length];
            return (new Secret(Encoding.UTF8.GetString(bytes.AsSpan(0, file.Read(0, bytes))).Trim()), null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"The secret file {path} cannot be read: {e.Message}");
        }
    }
}
