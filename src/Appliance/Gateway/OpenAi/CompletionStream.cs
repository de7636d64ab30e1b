using System.IO.Pipelines;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Writes a plain completion as server-sent events while it arrives; a broken one ends as <see cref="ChatStream"/>'s does.</summary>
internal sealed class CompletionStream(GatewayRequest request, ModelCall call, Utf8JsonWriter json, string id, long created, ChatWishes wishes) : IAnswerSink
{
    private readonly List<(CompletionLogProbs? LogProbs, bool Finished)> _choices = [];

    public bool Begun { get; private set; }

    public ValueTask WriteAsync(ModelEvent item)
    {
        var shows = item.Kind == EventKind.Text || (item.Kind == EventKind.Finished && ChatJson.NameOf(item.Reason) is not null);
        return shows ? ChunkAsync(item.Choice, item, item.Kind == EventKind.Finished ? item.Reason : FinishReason.None) : ValueTask.CompletedTask;
    }

    public async ValueTask FinishAsync(Outcome outcome)
    {
        for (var choice = 0; choice < Math.Max(1, _choices.Count); choice++)
        {
            if (choice >= _choices.Count || !_choices[choice].Finished)
            {
                await ChunkAsync(choice, default, outcome.Reason);
            }
        }

        if (wishes.IncludeUsage)
        {
            Start();
            json.WriteEndArray();
            ChatJson.WriteUsage(json, outcome.Usage);
            End();
        }

        Put("data: [DONE]\n\n"u8);
        await FlushAsync();
    }

    public ValueTask FailAsync(in ApiFailure failure)
    {
        Put("data: "u8);
        json.Reset(Writer);
        OpenAiErrors.Write(json, failure);
        json.Flush();
        Put("\n\n"u8);
        return FlushAsync();
    }

    private PipeWriter Writer => request.Http.Response.BodyWriter;

    private ValueTask ChunkAsync(int choice, in ModelEvent item, FinishReason reason)
    {
        while (_choices.Count <= choice)
        {
            _choices.Add((wishes.LogProbs ? new CompletionLogProbs() : null, false));
        }

        var logProbs = _choices[choice].LogProbs;
        logProbs?.Add(item);
        Start();
        CompletionWriter.WriteChoice(json, choice, item.Kind == EventKind.Text ? item.Utf8.Span : default, logProbs, reason);
        json.WriteEndArray();
        if (wishes.IncludeUsage)
        {
            json.WriteNull("usage"u8);
        }

        End();
        _choices[choice] = (logProbs, reason != FinishReason.None);
        return FlushAsync();
    }

    private void Start()
    {
        if (!Begun)
        {
            Begun = true;
            AnswerHeaders.BeginEvents(request, call);
        }

        Put("data: "u8);
        json.Reset(Writer);
        CompletionWriter.WriteHead(json, id, created, wishes.Model);
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        Put("\n\n"u8);
    }

    private void Put(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Writer.GetSpan(text.Length));
        Writer.Advance(text.Length);
    }

    private async ValueTask FlushAsync() => _ = await Writer.FlushAsync(request.Aborted);
}
