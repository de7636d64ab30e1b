namespace Jesus.Inference.Engine.KvCache;

/// <summary>Blocks in the order in which they were last let go of; every operation takes the same short time. The pool's.</summary>
internal sealed class BlockAges
{
    // A ring through all members and the head, which stands at index "blocks".
    private readonly int[] _newer;
    private readonly int[] _older;
    private readonly int _head;

    public BlockAges(int blocks)
    {
        _head = blocks;
        _newer = new int[blocks + 1];
        _older = new int[blocks + 1];
        _newer[_head] = _older[_head] = _head;
    }

    public int Count { get; private set; }

    public void AddNewest(int block)
    {
        var newest = _older[_head];
        (_newer[newest], _older[block]) = (block, newest);
        (_newer[block], _older[_head]) = (_head, block);
        Count++;
    }

    public void Remove(int block)
    {
        (_newer[_older[block]], _older[_newer[block]]) = (_newer[block], _older[block]);
        Count--;
    }

    /// <summary>Call only with members.</summary>
    public int TakeOldest()
    {
        var oldest = _newer[_head];
        Remove(oldest);
        return oldest;
    }
}
