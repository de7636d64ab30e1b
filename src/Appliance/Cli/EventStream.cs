using System.Runtime.CompilerServices;
using System.Text;

namespace Jesus.Appliance.Cli;

/// <summary>Server-sent events of a daemon, one at a time: type, id and data.</summary>
internal static class EventStream
{
    public readonly record struct Item(string Type, string Id, string Data);

    public static async IAsyncEnumerable<Item> ReadAsync(Stream stream, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        var (type, id) = ("message", "");
        var data = new StringBuilder();
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            if (line.Length == 0)
            {
                if (data.Length > 0)
                {
                    yield return new Item(type, id, data.ToString());
                }

                type = "message";
                data.Clear();
                continue;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (field, value) = colon < 0 ? (line, "") : (line[..colon], line[(colon + 1)..].TrimStart(' '));
            switch (field)
            {
                case "event":
                    type = value;
                    break;
                case "id":
                    id = value;
                    break;
                case "data":
                    data.Append(data.Length > 0 ? "\n" : "").Append(value);
                    break;
                default:
                    break;
            }
        }
    }
}
