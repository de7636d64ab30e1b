using System.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Tool calls that began before the one on the wire was whole: blocks do not overlap. Buffers are kept over resets.</summary>
internal sealed class HeldCalls
{
    /// <summary>Bytes of arguments held back in all; a model that writes more has gone wild.</summary>
    private const int BytesMax = 16 * 1024 * 1024;

    private readonly List<Call> _calls = [];
    private readonly Stack<Call> _spare = [];
    private int _bytes;

    public bool IsEmpty => _calls.Count == 0;

    /// <summary>The call that goes out next.</summary>
    public Call First => _calls[0];

    public void Add(int index, ReadOnlySpan<byte> id, ReadOnlySpan<byte> name)
    {
        var call = _spare.TryPop(out var kept) ? kept : new Call();
        call.Index = index;
        call.Id.Write(id);
        call.Name.Write(name);
        _calls.Add(call);
    }

    /// <returns>False when no such call is held.</returns>
    /// <exception cref="InvalidDataException">The arguments passed <see cref="BytesMax"/>.</exception>
    public bool TryAppend(int index, ReadOnlySpan<byte> piece)
    {
        foreach (var call in _calls)
        {
            if (call.Index == index)
            {
                _bytes += piece.Length;
                call.Arguments.Write(piece);
                return _bytes <= BytesMax ? true : throw new InvalidDataException($"The arguments of the tool calls are longer than {BytesMax} bytes.");
            }
        }

        return false;
    }

    public void RemoveFirst()
    {
        _calls[0].Reset();
        _spare.Push(_calls[0]);
        _calls.RemoveAt(0);
    }

    public void Reset()
    {
        while (!IsEmpty)
        {
            RemoveFirst();
        }

        _bytes = 0;
    }

    public sealed class Call
    {
        public int Index { get; set; }
        public ArrayBufferWriter<byte> Id { get; } = new();
        public ArrayBufferWriter<byte> Name { get; } = new();
        public ArrayBufferWriter<byte> Arguments { get; } = new();

        public void Reset()
        {
            Id.ResetWrittenCount();
            Name.ResetWrittenCount();
            Arguments.ResetWrittenCount();
        }
    }
}
