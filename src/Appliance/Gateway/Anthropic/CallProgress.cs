namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Follows the arguments of one tool call while they arrive, and knows when the object is whole.</summary>
internal struct CallProgress
{
    private int _depth;
    private bool _inText;
    private bool _escaped;
    private bool _begun;

    /// <summary>The object has been closed.</summary>
    public readonly bool IsWhole => _begun && _depth == 0;

    public void Take(ReadOnlySpan<byte> piece)
    {
        foreach (var value in piece)
        {
            if (_inText)
            {
                _inText = _escaped || value != (byte)'"';
                _escaped = !_escaped && value == (byte)'\\';
                continue;
            }

            switch (value)
            {
                case (byte)'"':
                    _inText = true;
                    break;
                case (byte)'{' or (byte)'[':
                    _depth++;
                    _begun = true;
                    break;
                case (byte)'}' or (byte)']':
                    _depth--;
                    break;
                default:
                    break;
            }
        }
    }
}
