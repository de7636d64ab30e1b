namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>An open call: where it returns to, with what count, inside which other call.</summary>
internal readonly record struct Frame(int Return, int Count, int Parent, int Depth);

/// <summary>
/// Open calls of all threads, as a tree that grows at its top: threads share what they have in common. A walk notes <see cref="Top"/> and cuts back to it.
/// </summary>
internal sealed class FrameStack
{
    private Frame[] _frames = new Frame[64];

    public int Top { get; private set; }

    public Frame this[int index] => _frames[index];

    public int DepthOf(int frame) => frame < 0 ? 0 : _frames[frame].Depth;

    public int Push(int returnTo, int count, int parent)
    {
        if (Top == _frames.Length)
        {
            Array.Resize(ref _frames, _frames.Length * 2);
        }

        _frames[Top] = new Frame(returnTo, count, parent, DepthOf(parent) + 1);
        return Top++;
    }

    public void CutTo(int top) => Top = top;

    /// <summary>Same calls with the same counts, whether or not they are the same frames.</summary>
    public bool AreEqual(int left, int right)
    {
        while (left != right)
        {
            if (left < 0 || right < 0)
            {
                return false;
            }

            var (one, other) = (_frames[left], _frames[right]);
            if (one.Return != other.Return || one.Count != other.Count || one.Depth != other.Depth)
            {
                return false;
            }

            (left, right) = (one.Parent, other.Parent);
        }

        return true;
    }
}
