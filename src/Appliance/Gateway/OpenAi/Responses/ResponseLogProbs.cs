using System.Buffers;
using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Log probabilities as the entries of a <c>logprobs</c> array, kept as JSON with commas between them.</summary>
internal static class ResponseLogProbs
{
    /// <summary>Appends the entries of a piece of text, after a comma where there are some already.</summary>
    public static void Append(ArrayBufferWriter<byte> to, in ModelEvent item)
    {
        if (!ChatJson.HasLogProbs(item))
        {
            return;
        }

        var array = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(array, JsonReply.Options))
        {
            json.WriteStartArray();
            ChatJson.WriteLogProbs(json, item);
            json.WriteEndArray();
        }

        to.Write(to.WrittenCount > 0 ? ","u8 : default);
        to.Write(array.WrittenSpan[1..^1]);
    }

    public static void WriteArray(Utf8JsonWriter json, ReadOnlySpan<byte> entries)
    {
        if (entries.IsEmpty)
        {
            json.WriteStartArray();
            json.WriteEndArray();
            return;
        }

        var whole = ArrayPool<byte>.Shared.Rent(entries.Length + 2);
        whole[0] = (byte)'[';
        entries.CopyTo(whole.AsSpan(1));
        whole[entries.Length + 1] = (byte)']';
        json.WriteRawValue(whole.AsSpan(0, entries.Length + 2), skipInputValidation: true);
        ArrayPool<byte>.Shared.Return(whole);
    }
}
