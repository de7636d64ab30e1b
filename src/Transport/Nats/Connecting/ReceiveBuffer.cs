namespace Jesus.Transport.Nats.Connecting;

/// <summary>One connection's receive buffer: bytes that were not gone through yet, moved to the front when the room behind them runs short.</summary>
internal sealed class ReceiveBuffer(int capacity)
{
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
    private int _from;
    private int _to;

    public int Capacity => _bytes.Length;
    public int Length => _to - _from;
    public ReadOnlySpan<byte> Unread => _bytes.AsSpan(_from, _to - _from);

    /// <summary>Room to receive into; at least a quarter of the capacity unless that much is unread.</summary>
    public Memory<byte> Room()
    {
        if (_from == _to)
        {
            _from = _to = 0;
        }
        else if (_bytes.Length - _to < _bytes.Length / 4)
        {
            Unread.CopyTo(_bytes);
            (_from, _to) = (0, _to - _from);
        }

        return _bytes.AsMemory(_to);
    }

    public void Received(int count) => _to += count;

    public void Consumed(int count) => _from += count;
}
