using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Config;

/// <summary>Reads JSON with comments and trailing commas into nodes that know where they stand.</summary>
internal ref struct ConfigFile
{
    /// <summary>A configuration of thousands of lines; beyond it the file is something else.</summary>
    private const int MaxBytes = 1024 * 1024;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _name;
    private readonly List<ConfigError> _errors;
    private Utf8JsonReader _reader;
    private int _scanned;
    private int _line;
    private int _lineStart;

    private ConfigFile(ReadOnlySpan<byte> bytes, string name, List<ConfigError> errors)
    {
        _bytes = bytes;
        _name = name;
        _errors = errors;
        _line = 1;
        _reader = new Utf8JsonReader(bytes, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 32 });
    }

    /// <returns>An object; an empty one when the file cannot be read as one, with the reason in <paramref name="errors"/>.</returns>
    public static ConfigNode Parse(ReadOnlySpan<byte> bytes, string name, List<ConfigError> errors)
    {
        bytes = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        if (bytes.Length > MaxBytes)
        {
            errors.Add(new ConfigError(new ConfigPlace(name), "", $"the file is larger than {MaxBytes} bytes"));
            return new ConfigNode(ConfigNodeKind.Object, new ConfigPlace(name));
        }

        var file = new ConfigFile(bytes, name, errors);
        return file.Root();
    }

    /// <summary>One JSON value that was given in a variable or a flag.</summary>
    public static ConfigNode? ParseValue(string text, ConfigPlace place)
    {
        try
        {
            var errors = new List<ConfigError>();
            var file = new ConfigFile(Encoding.UTF8.GetBytes(text), place.Name, errors);
            return file._reader.Read() ? file.Value("") : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private ConfigNode Root()
    {
        var empty = new ConfigNode(ConfigNodeKind.Object, new ConfigPlace(_name, 1, 1));
        try
        {
            _ = _reader.Read();
            if (_reader.TokenType != JsonTokenType.StartObject)
            {
                _errors.Add(new ConfigError(Here(), "", "the file must hold one JSON object"));
                return empty;
            }

            var root = Value("");
            while (_reader.Read())
            {
                // Only comments may follow; anything else throws.
            }

            return root;
        }
        catch (JsonException e)
        {
            var place = new ConfigPlace(_name, (int)(e.LineNumber ?? 0) + 1, (int)(e.BytePositionInLine ?? 0) + 1);
            var cut = e.Message.IndexOf(" LineNumber", StringComparison.Ordinal);
            _errors.Add(new ConfigError(place, "", "not valid JSON: " + (cut < 0 ? e.Message : e.Message[..cut])));
            return empty;
        }
    }

    private ConfigNode Value(string path)
    {
        var place = Here();
        switch (_reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Object(place, path);
            case JsonTokenType.StartArray:
                return Array(place, path);
            case JsonTokenType.String:
                return new ConfigNode(ConfigNodeKind.Text, place) { Text = _reader.GetString()! };
            case JsonTokenType.Number:
                return new ConfigNode(ConfigNodeKind.Number, place) { Text = Encoding.UTF8.GetString(_reader.ValueSpan) };
            case JsonTokenType.True:
            case JsonTokenType.False:
                return new ConfigNode(ConfigNodeKind.Boolean, place) { Text = _reader.TokenType == JsonTokenType.True ? "true" : "false" };
            default:
                return new ConfigNode(ConfigNodeKind.Null, place);
        }
    }

    private ConfigNode Object(ConfigPlace place, string path)
    {
        var node = new ConfigNode(ConfigNodeKind.Object, place);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var keyPlace = Here();
            var key = _reader.GetString()!;
            var keyPath = path.Length == 0 ? key : path + "." + key;
            _ = _reader.Read();
            if (node.Find(key) is { } first)
            {
                _errors.Add(new ConfigError(keyPlace, keyPath, $"is given twice; first at line {first.Place.Line}"));
            }

            node.Members.Add(new ConfigMember(key, keyPlace, Value(keyPath)));
        }

        return node;
    }

    private ConfigNode Array(ConfigPlace place, string path)
    {
        var node = new ConfigNode(ConfigNodeKind.Array, place);
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            node.Items.Add(Value($"{path}[{node.Items.Count}]"));
        }

        return node;
    }

    /// <summary>Line and column of the current token; tokens come in order, so each byte is counted once.</summary>
    private ConfigPlace Here()
    {
        var offset = (int)_reader.TokenStartIndex;
        for (; _scanned < offset; _scanned++)
        {
            if (_bytes[_scanned] == (byte)'\n')
            {
                _line++;
                _lineStart = _scanned + 1;
            }
        }

        return new ConfigPlace(_name, _line, offset - _lineStart + 1);
    }
}
