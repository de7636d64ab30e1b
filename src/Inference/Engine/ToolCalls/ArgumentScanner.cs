namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>Finds the end of a JSON object as its bytes arrive: brackets outside of strings. What stands between is the tool's to judge.</summary>
internal sealed class ArgumentScanner
{
    public enum Outcome : byte
    {
        Inside,
        Complete,
        Malformed,
    }

    private readonly Stack<byte> _open = new();
    private bool _inString;
    private bool _escaped;

    public void Begin()
    {
        _open.Clear();
        (_inString, _escaped) = (false, false);
    }

    public Outcome Take(byte value)
    {
        if (_inString)
        {
            _inString = _escaped || value != '"';
            _escaped = value == '\\' && !_escaped;
            return Outcome.Inside;
        }

        switch (value)
        {
            case (byte)'"':
                (_inString, _escaped) = (true, false);
                return Outcome.Inside;
            case (byte)'{' or (byte)'[':
                _open.Push(value == '{' ? (byte)'}' : (byte)']');
                return Outcome.Inside;
            case (byte)'}' or (byte)']':
                var matches = _open.TryPop(out var expected) && expected == value;
                return !matches ? Outcome.Malformed : _open.Count == 0 ? Outcome.Complete : Outcome.Inside;
            default:
                return Outcome.Inside;
        }
    }
}
