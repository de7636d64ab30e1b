using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// A model call that another box is asked to make (<c>jesus.C.infer.M.Q</c>, <c>jesus.C.peer.P.infer.Q</c>): the <see cref="ModelRequest"/> and what the caller says
/// about it. The caller's id stands in the subject, where the server enforces it; the labels in here are only labels. What belongs to a caller's raw body
/// (<see cref="ModelRequest.Body"/> and its headers) stays at home: peers are asked in our own shape. Pooled: text points into the message until it is reset. One owner.
/// </summary>
public sealed partial class InferRequest : IDisposable
{
    private readonly MessageBody _body = new();
    private readonly ModelRequest _own = new();

    public InferRequest() => Ask = _own;

    /// <summary>What is asked. After reading the message's own, whose text lies in the message; after <see cref="Borrow"/> the caller's.</summary>
    public ModelRequest Ask { get; private set; }

    /// <summary>The caller's number of the answer, for credit and cancel; unique among the caller's calls of this life.</summary>
    public ulong Stream { get; set; }

    /// <summary>The caller's user and team, as labels for the callee's journal: they carry no rights there.</summary>
    public Utf8Slice User { get; set; }
    public Utf8Slice Team { get; set; }
    public Lane Lane { get; set; }
    public DataClass DataClass { get; set; }

    /// <summary>Milliseconds that the caller will still wait, by its clock when it sent; 0 is without end.</summary>
    public long RemainingMs { get; set; }

    /// <summary>Boxes that the request passed before this one, and which: so that it can go in no circle.</summary>
    public int Hops { get; set; }
    public List<Utf8Slice> Visited { get; } = [];

    /// <summary>The arithmetic that must produce the answer; unknown means any.</summary>
    public NumericsProfile Numerics { get; set; }

    /// <summary>Events may be sent up to and with this <see cref="InferEvent.Sequence"/> before a <see cref="StreamCredit"/> allows more.</summary>
    public long Credit { get; set; }

    /// <summary>
    /// A request longer than the server's <c>max_payload</c> goes in pieces: messages of <see cref="Stream"/>, <see cref="ChunkIndex"/> of <see cref="ChunkCount"/> and
    /// <see cref="Piece"/>, whose pieces one after another are the whole message. 0 in a message that is whole.
    /// </summary>
    public int ChunkCount { get; set; }
    public int ChunkIndex { get; set; }
    public ReadOnlyMemory<byte> Piece { get; set; }

    /// <summary>Refers to the caller's request, which is written as it then stands; until the next reset.</summary>
    public void Borrow(ModelRequest request) => Ask = request;

    /// <summary>Gives what is asked to a call of this box. The text stays in this message, which must outlive the call.</summary>
    public void CopyTo(ModelRequest into, TimeProvider time)
    {
        into.CopyFrom(Ask);
        into.Deadline = RemainingMs > 0 ? Deadline.After(time, TimeSpan.FromMilliseconds(RemainingMs)) : Deadline.None;
    }

    public static bool TryRead(ReadOnlySpan<byte> body, InferRequest into, out WireError error)
    {
        into.Reset();
        var reader = into._body.Open(body, Name);
        into.Read(ref reader);
        if (!reader.Finish(Name, out error))
        {
            into.Reset();
        }

        return error.IsNone;
    }

    public void Reset()
    {
        Ask = _own;
        _own.Reset();
        Stream = 0;
        User = default;
        Team = default;
        Lane = Lane.Interactive;
        DataClass = DataClass.Public;
        RemainingMs = 0;
        Hops = 0;
        Visited.Clear();
        Numerics = default;
        Credit = 0;
        ChunkCount = 0;
        ChunkIndex = 0;
        Piece = default;
        _promptTokens.Reset();
        _shownTokens.Reset();
        _promptLengths.Reset();
        _body.Reset();
    }

    public void Dispose()
    {
        _own.Text.Dispose();
        _body.Dispose();
    }
}
