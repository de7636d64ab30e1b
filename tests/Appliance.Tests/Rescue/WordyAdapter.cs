using System.Text;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>
/// Says a script, a step a token, on any of several boxes: from after the shown tokens on, until it dies. On the way its pieces may be cut smaller or put together, as
/// a connection between boxes may do, ids always at the end of what they stand for.
/// </summary>
internal sealed class WordyAdapter(string provider, WordyAdapter.Piece[][] script, Random dice) : IModelAdapter
{
    private static readonly NumericsProfile Numerics = new(1, 2, 3, 4);

    public sealed record Piece(EventKind Kind, int Index, string Text);

    public AdapterId Id { get; } = new("local", provider);

    /// <summary>Pieces until it dies; -1 for one that lives.</summary>
    public int Life { get; set; } = -1;

    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, Numerics = Numerics };

    public bool Forwards(ApiShape shape) => false;

    public int CountInputTokens(ModelRequest request) => 10 + request.ShownTokens.Length;

    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        var (begin, left) = (request.ShownTokens.Length, Life);
        foreach (var (piece, ids) in Sent(begin))
        {
            if (left-- == 0)
            {
                return new CallResult { Error = new ModelError(ErrorCause.Cut, "gone"), Quality = UsageQuality.Estimated };
            }

            await sink.WriteAsync(new ModelEvent
            {
                Kind = piece.Kind,
                Index = piece.Index,
                Utf8 = Encoding.UTF8.GetBytes(piece.Text),
                ToolCallId = piece.Kind == EventKind.ToolCallStart ? Encoding.UTF8.GetBytes($"call_{provider}") : default,
                Tokens = new TokenSpan(ids, default),
            });
        }

        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop });
        return new CallResult { Reason = FinishReason.Stop, Numerics = Numerics, Usage = new Usage { InputTokens = 10 + begin, OutputTokens = script.Length - begin } };
    }

    private List<(Piece Piece, int[] Ids)> Sent(int begin)
    {
        var sent = new List<(Piece Piece, int[] Ids)>();
        var pending = new List<int>();
        for (var token = begin; token < script.Length; token++)
        {
            pending.Add(token);
            for (var i = 0; i < script[token].Length; i++)
            {
                var last = i == script[token].Length - 1;
                Add(sent, script[token][i], last ? [.. pending] : []);
                if (last)
                {
                    pending.Clear();
                }
            }
        }

        return sent;
    }

    private void Add(List<(Piece Piece, int[] Ids)> sent, Piece piece, int[] ids)
    {
        var isText = piece.Kind != EventKind.ToolCallStart;
        if (isText && ids.Length > 0 && sent.Count > 0 && dice.Next(4) == 0 && sent[^1].Piece.Kind == piece.Kind && sent[^1].Piece.Index == piece.Index)
        {
            sent[^1] = (piece with { Text = sent[^1].Piece.Text + piece.Text }, [.. sent[^1].Ids, .. ids]);
        }
        else if (isText && piece.Text.Length > 1 && dice.Next(4) == 0)
        {
            sent.Add((piece with { Text = piece.Text[..1] }, []));
            sent.Add((piece with { Text = piece.Text[1..] }, ids));
        }
        else
        {
            sent.Add((piece, ids));
        }
    }
}
