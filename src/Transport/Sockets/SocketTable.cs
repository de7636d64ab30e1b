namespace Jesus.Transport.Sockets;

/// <summary>The sockets of a loop by the number that the kernel hands back. None is used again, so that an event told before a close finds nobody after it.</summary>
internal sealed class SocketTable
{
    private readonly Lock _gate = new();
    private readonly Stack<int> _free = new();
    private LoopSocket?[] _sockets = new LoopSocket?[64];
    private int _used;
    private uint _uses;

    public void Add(LoopSocket socket)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out var place))
            {
                place = _used++;
                if (place == _sockets.Length)
                {
                    Array.Resize(ref _sockets, place * 2);
                }
            }

            // Before others can find it.
            socket.Key = ((ulong)++_uses << 32) | (uint)place;
            Volatile.Write(ref _sockets[place], socket);
        }
    }

    public void Remove(ulong key)
    {
        lock (_gate)
        {
            var place = (int)(uint)key;
            if (_sockets[place]?.Key == key)
            {
                Volatile.Write(ref _sockets[place], null);
                _free.Push(place);
            }
        }
    }

    /// <summary>Without a lock: the array is only ever replaced by a longer copy.</summary>
    public LoopSocket? Find(ulong key)
    {
        var sockets = Volatile.Read(ref _sockets);
        var socket = Volatile.Read(ref sockets[(int)(uint)key]);
        return socket?.Key == key ? socket : null;
    }
}
