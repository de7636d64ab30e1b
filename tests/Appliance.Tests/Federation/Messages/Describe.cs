using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Tests.Federation.Messages;

/// <summary>Everything that an object says in public, as text, by reflection: a property that is added and not carried over makes two descriptions differ.</summary>
/// <remarks>Left out are the paths named, such as <c>.Ask.Body</c>.</remarks>
internal static class Describe
{
    public static string Of(object? value, params string[] without)
    {
        var text = new StringBuilder();
        Append(text, value, "", without);
        return text.ToString();
    }

    private static void Append(StringBuilder text, object? value, string path, string[] without)
    {
        switch (value)
        {
            case null:
                _ = text.Append(path).Append(" null\n");
                break;
            case Utf8Arena:
                break;
            case Utf8Slice slice:
                _ = text.Append(path).Append(' ').Append(Convert.ToHexString(slice.Span)).Append('\n');
                break;
            case ReadOnlyMemory<byte> bytes:
                _ = text.Append(path).Append(' ').Append(Convert.ToHexString(bytes.Span)).Append('\n');
                break;
            case ReadOnlyMemory<int> ints:
                AppendItems(text, ints.ToArray(), path, without);
                break;
            case ReadOnlyMemory<float> floats:
                AppendItems(text, floats.ToArray(), path, without);
                break;
            case ReadOnlyMemory<ulong> longs:
                AppendItems(text, longs.ToArray(), path, without);
                break;
            case ReadOnlyMemory<Inference.Contract.TokenLogProb> tokens:
                AppendItems(text, tokens.ToArray(), path, without);
                break;
            case string or IConvertible or TimeSpan:
                _ = text.Append(path).Append(' ').Append(Convert.ToString(value, CultureInfo.InvariantCulture)).Append('\n');
                break;
            case IEnumerable items:
                AppendItems(text, items, path, without);
                break;
            case Inference.Contract.TurnList turns:
                AppendTurns(text, turns, path, without);
                break;
            default:
                AppendProperties(text, value, path, without);
                break;
        }
    }

    private static void AppendItems(StringBuilder text, IEnumerable items, string path, string[] without)
    {
        var index = 0;
        foreach (var item in items)
        {
            Append(text, item, $"{path}[{index++}]", without);
        }

        _ = text.Append(path).Append(" count ").Append(index).Append('\n');
    }

    private static void AppendTurns(StringBuilder text, Inference.Contract.TurnList turns, string path, string[] without)
    {
        for (var i = 0; i < turns.Count; i++)
        {
            Append(text, turns[i].Role, $"{path}[{i}].Role", without);
            AppendItems(text, turns.PartsOf(i).ToArray(), $"{path}[{i}]", without);
        }

        _ = text.Append(path).Append(" turns ").Append(turns.Count).Append('\n');
    }

    private static void AppendProperties(StringBuilder text, object value, string path, string[] without)
    {
        foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetIndexParameters().Length == 0 && !without.Contains($"{path}.{property.Name}"))
            {
                Append(text, property.GetValue(value), $"{path}.{property.Name}", without);
            }
        }
    }
}
