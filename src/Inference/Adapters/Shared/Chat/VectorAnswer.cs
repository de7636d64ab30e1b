using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>
/// Reads the answers of <c>/embeddings</c> (OpenAI API reference, "Embeddings": base64 of little-endian floats, or arrays of numbers where a server knows
/// nothing else) and of <c>/rerank</c> (Jina's shape, as llama.cpp and vLLM serve it). One call's; the vectors lie in one array.
/// </summary>
internal sealed class VectorAnswer : IDisposable
{
    private readonly List<(int Index, Range Range)> _vectors = [];
    private float[] _values = ArrayPool<float>.Shared.Rent(4_096);
    private int _count;

    public Usage? Usage { get; private set; }
    public int Count => _vectors.Count;

    public ModelEvent EventAt(int place)
    {
        var (index, range) = _vectors[place];
        return new ModelEvent { Kind = EventKind.Vector, Index = index, Vector = _values.AsMemory()[range] };
    }

    /// <summary>Reads the whole answer.</summary>
    /// <param name="json">Its body.</param>
    /// <param name="inputs">How many were asked for: each must be answered once.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Read(ReadOnlySpan<byte> json, int inputs)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return "something else than a JSON object";
            }

            ReadObject(ref reader);
            return Covers(inputs) ? null : $"{_vectors.Count} results for {inputs} inputs, or not one for each";
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            return "JSON that is broken or not of the API's shape";
        }
    }

    public void Dispose()
    {
        ArrayPool<float>.Shared.Return(_values);
        _values = [];
    }

    private void ReadObject(ref Utf8JsonReader reader)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("data"u8) || reader.ValueTextEquals("results"u8))
            {
                JsonRead.Require(JsonRead.BeginArray(ref reader));
                for (var place = 0; JsonRead.NextObject(ref reader); place++)
                {
                    ReadItem(ref reader, place);
                }
            }
            else if (reader.ValueTextEquals("usage"u8) && JsonRead.BeginObject(ref reader))
            {
                Usage = ChatUsage.ReadInput(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private void ReadItem(ref Utf8JsonReader reader, int place)
    {
        var index = JsonRead.Ahead(reader, "index"u8, place);
        var from = _count;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("embedding"u8))
            {
                ReadEmbedding(ref reader);
            }
            else if (reader.ValueTextEquals("relevance_score"u8))
            {
                Append(JsonRead.Float(ref reader));
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        JsonRead.Require(_count > from);
        _vectors.Add((index, from.._count));
    }

    private void ReadEmbedding(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            ReadBase64(reader.ValueSpan);
            return;
        }

        JsonRead.Require(reader.TokenType == JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            Append(reader.GetSingle());
        }

        JsonRead.Require(reader.TokenType == JsonTokenType.EndArray);
    }

    private void ReadBase64(ReadOnlySpan<byte> text)
    {
        Reserve((Base64.GetMaxDecodedFromUtf8Length(text.Length) / sizeof(float)) + 1);
        var bytes = MemoryMarshal.AsBytes(_values.AsSpan(_count));
        JsonRead.Require(Base64.DecodeFromUtf8(text, bytes, out var read, out var written) == OperationStatus.Done && read == text.Length);
        JsonRead.Require(written % sizeof(float) == 0 && BitConverter.IsLittleEndian);
        _count += written / sizeof(float);
    }

    private void Append(float value)
    {
        Reserve(1);
        _values[_count++] = value;
    }

    private void Reserve(int count)
    {
        if (_values.Length - _count >= count)
        {
            return;
        }

        var grown = ArrayPool<float>.Shared.Rent(Math.Max(_values.Length * 2, _count + count));
        _values.AsSpan(0, _count).CopyTo(grown);
        ArrayPool<float>.Shared.Return(_values);
        _values = grown;
    }

    /// <summary>Each input has one result, in whatever order they came.</summary>
    private bool Covers(int inputs)
    {
        if (_vectors.Count != inputs)
        {
            return false;
        }

        _vectors.Sort(static (a, b) => a.Index.CompareTo(b.Index));
        for (var i = 0; i < inputs; i++)
        {
            if (_vectors[i].Index != i)
            {
                return false;
            }
        }

        return true;
    }
}
