using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// The file's keys and values, in the file's order. The <c>Require</c> and <c>Optional</c> readers throw <see cref="GgufException"/> where a key
/// is missing or of the wrong type; an optional key of the wrong type is an error too, never its default.
/// </summary>
public sealed class GgufMetadata
{
    private readonly string _file;
    private readonly Dictionary<string, GgufValue> _values;
    private readonly List<string> _keys;

    internal GgufMetadata(string file, List<string> keys, Dictionary<string, GgufValue> values)
    {
        _file = file;
        _keys = keys;
        _values = values;
    }

    public IReadOnlyList<string> Keys => _keys;
    public GgufValue this[string key] => _values[key];
    public bool Contains(string key) => _values.ContainsKey(key);
    public bool TryGet(string key, out GgufValue value) => _values.TryGetValue(key, out value);

    public string RequireString(string key) => Encoding.UTF8.GetString(Utf8(key, Require(key)));

    public string? OptionalString(string key) => TryGet(key, out var value) ? Encoding.UTF8.GetString(Utf8(key, value)) : null;

    public int RequireInt(string key) => Int(key, Require(key));

    public int OptionalInt(string key, int fallback) => TryGet(key, out var value) ? Int(key, value) : fallback;

    public float OptionalFloat(string key, float fallback) =>
        !TryGet(key, out var value) ? fallback : value.TryGetNumber(out var number) ? (float)number : Wrong<float>(key, value, "a number");

    public float RequireFloat(string key)
    {
        _ = Require(key);
        return OptionalFloat(key, 0);
    }

    public bool OptionalBool(string key, bool fallback) =>
        !TryGet(key, out var value) ? fallback : value.TryGetBool(out var flag) ? flag : Wrong<bool>(key, value, "a boolean");

    public GgufStringArray RequireStrings(string key)
    {
        var value = Require(key);
        return value.TryGetStrings(out var strings) ? strings : Wrong<GgufStringArray>(key, value, "an array of strings");
    }

    public int[]? OptionalInts(string key) =>
        !TryGet(key, out var value) ? null : value.TryGetInts(out var ints) ? ints : Wrong<int[]>(key, value, "an array of 32-bit integers");

    public byte[]? OptionalBytes(string key) =>
        !TryGet(key, out var value) ? null : value.TryGetBytes(out var bytes) ? bytes : Wrong<byte[]>(key, value, "an array of 8-bit integers");

    public float[]? OptionalFloats(string key) =>
        !TryGet(key, out var value) ? null : value.TryGetFloats(out var floats) ? floats : Wrong<float[]>(key, value, "an array of 32-bit floats");

    /// <summary>An error about a key's value, with its place in the file.</summary>
    public GgufException Error(string key, string problem) => new(_file, TryGet(key, out var value) ? value.Offset : 0, key, problem);

    private GgufValue Require(string key) =>
        TryGet(key, out var value) ? value : throw new GgufException(_file, 0, key, "this metadata key is missing, and the model cannot be used without it.");

    private byte[] Utf8(string key, GgufValue value) =>
        value.TryGetString(out var utf8) ? utf8.ToArray() : Wrong<byte[]>(key, value, "a string");

    private int Int(string key, GgufValue value)
    {
        if (!value.TryGetInteger(out var number))
        {
            return Wrong<int>(key, value, "an integer");
        }

        return number is >= int.MinValue and <= int.MaxValue
            ? (int)number
            : throw new GgufException(_file, value.Offset, key, $"{number} does not fit 32 bits.");
    }

    [DoesNotReturn]
    private T Wrong<T>(string key, GgufValue value, string wanted) =>
        throw new GgufException(_file, value.Offset, key, $"has type {value.Type}; {wanted} is needed.");
}
